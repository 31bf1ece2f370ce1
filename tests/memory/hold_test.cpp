// Holds: pins with an owner outside of gmem. Taken before a call, kept after it, gone with the owner; a forked child has none.

#include "memory/hold.hpp"
#include "tests/support/file.hpp"

#include <cerrno>
#include <sys/wait.h>

using namespace gmem;
using namespace gmem::test;
using memory::Hold;
using memory::Holds;
using memory::PinKind;

namespace {

os::AddressRange shown(File &f, std::uint64_t first, std::uint64_t pages)
{
    auto const begin { reinterpret_cast<std::uintptr_t>(f.at(first)) };
    return { begin, begin + pages * page };
}

constexpr PinKind kind { PinKind::dma_map };

} // namespace

TEST(Holds, EndWithTheCallUnlessTheyAreKept)
{
    File f { 16 };
    {
        Hold hold { kind, 5 };
        ASSERT_TRUE(bool(hold.add(shown(f, 3, 2))));
        EXPECT_EQ(f.to_private(3), -EAGAIN);
        Holds::drop_descriptor(5); // not yet the descriptor's
        EXPECT_EQ(f.to_private(4), -EAGAIN);
        EXPECT_EQ(Holds::audit(), nullptr);
    }
    EXPECT_TRUE(Holds::empty());
    EXPECT_EQ(f.to_private(3), 0);
}

TEST(Holds, PartsOfARequestAreKeptAndDroppedByTheirTags)
{
    File f { 16 };
    {
        Hold hold { kind, 5, 7 };
        for (std::uint64_t i { 0 }; i < 4; ++i) {
            hold.begin_part(100 + i);
            ASSERT_TRUE(bool(hold.add(shown(f, 2 * i, 1))));
        }
        hold.keep(3);
    }
    EXPECT_EQ(f.to_private(6), 0);
    EXPECT_EQ(Holds::drop(kind, 5, 8, 0, ~0ul), 0u); // another group
    EXPECT_EQ(Holds::drop(kind, 5, 7, 101, 101), 1u);
    EXPECT_EQ(f.to_private(2), 0);
    EXPECT_EQ(f.to_private(0), -EAGAIN);
    EXPECT_EQ(f.to_private(4), -EAGAIN);
    Holds::move(5, 6);
    EXPECT_FALSE(Holds::may_be_held_by(5));
    EXPECT_EQ(Holds::first_in(0, 1000), 6);
    EXPECT_EQ(Holds::audit(), nullptr);
    Holds::drop_descriptor(6);
    EXPECT_TRUE(Holds::empty());
    EXPECT_EQ(f.to_private(0, 16), 0);
}

TEST(Holds, AllOrNothing)
{
    File f { 16 };
    ASSERT_EQ(f.to_private(9), 0);
    {
        Hold hold { kind, 5 };
        EXPECT_EQ(hold.add(shown(f, 8, 4)).error().err, EFAULT);
        hold.keep();
        hold.add_what_is_shared(shown(f, 8, 4));
        EXPECT_EQ(f.to_private(8), -EAGAIN);
        EXPECT_EQ(f.to_private(11), -EAGAIN);
    }
    EXPECT_TRUE(Holds::empty());
    EXPECT_EQ(f.stats().pins, 0u);
}

TEST(Holds, BelongToTheParent)
{
    File f { 16 };
    Hold hold { kind, 5 };
    ASSERT_TRUE(bool(hold.add(shown(f, 1, 1))));
    hold.keep();
    auto const child { fork() };
    if (child == 0) {
        bool const none { Holds::empty() && !Holds::audit() };
        Holds::drop_descriptor(5);
        _exit(none && f.to_private(1) == -EAGAIN ? 0 : 1);
    }
    int status { 1 };
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(f.to_private(1), -EAGAIN);
    Holds::drop_descriptor(5);
    EXPECT_EQ(f.to_private(1), 0);
}
