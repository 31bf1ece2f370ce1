// The copy of a stack ends where the memory does: whatever lies above it, and whatever the registers say, nothing is touched that may not be.

#include "tests/observe/session_log.hpp"

#include "observe/stack.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <sys/mman.h>

using namespace gmem;
using namespace gmem::observe;
using namespace gmem::test;

namespace {

constexpr std::size_t page { 4096 };

// Two pages full of a pattern: a stack, and what may be above it.
class TwoPages final {
public:
    TwoPages() : begin_ { static_cast<std::byte *>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) }
    {
        EXPECT_NE(begin_, MAP_FAILED);
        for (std::size_t i { 0 }; i < 2 * page; ++i)
            begin_[i] = static_cast<std::byte>(i * 7 + i / page);
    }
    ~TwoPages() { munmap(begin_, 2 * page); }
    TwoPages(TwoPages const &) = delete;

    std::byte *at(std::size_t offset) const { return begin_ + offset; }
    void forbid(std::size_t which) const { EXPECT_EQ(mprotect(begin_ + which * page, page, PROT_NONE), 0); }
    void unmap(std::size_t which) const { EXPECT_EQ(munmap(begin_ + which * page, page), 0); }

private:
    std::byte *begin_;
};

class StackTest : public testing::Test {
protected:
    StackTest() { Log::header()->has_stacks = 1; }

    // How many bytes were kept of the stack that begins there; they are compared where they lie.
    std::size_t kept(std::byte const *stack_pointer)
    {
        auto const n { Stack::of({ 0x1234, reinterpret_cast<std::uintptr_t>(stack_pointer), 0 }) };
        auto const reader { log_.reader() };
        auto const e { reader.at(n) };
        EXPECT_TRUE(e);
        if (!e)
            return 0;
        EXPECT_EQ(e->kind, Kind::stack);
        EXPECT_EQ(e->more[0], 0x1234u);
        EXPECT_EQ(e->more[2], reinterpret_cast<std::uintptr_t>(stack_pointer));
        std::array<std::byte, Stack::most_bytes> bytes;
        EXPECT_LE(e->more[1], bytes.size());
        EXPECT_TRUE(reader.bytes_behind(n, *e, { bytes.data(), e->more[1] }));
        EXPECT_TRUE(e->more[1] == 0 || std::memcmp(bytes.data(), stack_pointer, e->more[1]) == 0);
        return e->more[1];
    }

    SessionLog log_;
};

} // namespace

TEST_F(StackTest, IsCopiedAcrossPages)
{
    TwoPages const pages;
    EXPECT_EQ(kept(pages.at(0)), Stack::most_bytes);
    EXPECT_EQ(kept(pages.at(page - 104)), Stack::most_bytes);
}

TEST_F(StackTest, EndsBelowAGuardPage)
{
    TwoPages const pages;
    EXPECT_EQ(kept(pages.at(page - 96)), Stack::most_bytes);
    pages.forbid(1);
    EXPECT_EQ(kept(pages.at(page - 96)), 96u); // what was readable a moment ago counts for nothing
}

TEST_F(StackTest, EndsBelowMemoryThatIsGone)
{
    TwoPages const pages;
    EXPECT_EQ(kept(pages.at(page - 8)), Stack::most_bytes);
    pages.unmap(1);
    EXPECT_EQ(kept(pages.at(page - 8)), 8u);
}

TEST_F(StackTest, IsEmptyWhereTheStackPointerIsNone)
{
    TwoPages const pages;
    pages.forbid(1);
    EXPECT_EQ(kept(pages.at(page)), 0u);
    EXPECT_EQ(kept(pages.at(page + 512)), 0u);
    EXPECT_EQ(kept(nullptr), 0u);
    EXPECT_EQ(kept(reinterpret_cast<std::byte const *>(0xdead'0000'0000'0000)), 0u);
    EXPECT_EQ(Stack::of({ 0x1234, reinterpret_cast<std::uintptr_t>(pages.at(3)), 0 }), EventNo::none); // no stack pointer that code has
}

TEST_F(StackTest, IsNotCopiedTwiceAndNotKeptUnasked)
{
    TwoPages const pages;
    auto const here { reinterpret_cast<std::uintptr_t>(pages.at(64)) };
    auto const first { Stack::of({ 1, here, 0 }) };
    EXPECT_EQ(Stack::of({ 1, here, 0 }), first);
    EXPECT_NE(Stack::of({ 2, here, 0 }), first);
    Log::header()->has_stacks = 0;
    EXPECT_EQ(Stack::of({ 3, here, 0 }), EventNo::none);
    EXPECT_EQ(Stack::of_caller(), EventNo::none);
}
