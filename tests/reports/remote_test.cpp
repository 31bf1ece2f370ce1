// Code and registers of a program, read from outside: of the process, and of its file.

#include "cli/reports/processes.hpp"
#include "cli/reports/remote.hpp"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
#include <link.h>
#include <map>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

namespace gmem::cli::reports {
namespace {

constexpr std::size_t page { 4096 };

std::uint64_t address_of(void const *p) { return reinterpret_cast<std::uint64_t>(p); }

// Two pages, of which the second may not be read.
class EndOfMemory : public testing::Test {
protected:
    EndOfMemory() : begin_ { static_cast<unsigned char *>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) }
    {
        std::fill_n(begin_, 2 * page, static_cast<unsigned char>(7));
        mprotect(begin_ + page, page, PROT_NONE);
    }
    ~EndOfMemory() override { munmap(begin_, 2 * page); }
    unsigned char *end() const { return begin_ + page; }

    unsigned char *begin_;
    std::array<std::byte, longest_instruction> to_ {};
};

TEST_F(EndOfMemory, IsWhereReadingEnds)
{
    EXPECT_EQ(read_memory(getpid(), address_of(end() - 4), to_), 4u);
    EXPECT_EQ(std::ranges::count(to_, std::byte { 7 }), 4);
    EXPECT_EQ(read_memory(getpid(), address_of(end() - 15), to_), 15u);
    EXPECT_EQ(read_memory(getpid(), address_of(end()), to_), 0u);
    EXPECT_EQ(read_memory(0x7ffffffe, address_of(begin_), to_), 0u);
    mprotect(begin_ + page, page, PROT_READ);
    EXPECT_EQ(read_memory(getpid(), address_of(end() - 4), to_), 15u);
    EXPECT_EQ(std::ranges::count(to_, std::byte { 7 }), 15);
}

std::optional<Registers> seen;
std::uint64_t stack_pointer, frame_pointer;

void look(int, siginfo_t *, void *context)
{
    auto const &g { static_cast<ucontext_t *>(context)->uc_mcontext.gregs };
    seen = registers_in(getpid(), address_of(context), static_cast<std::uint64_t>(g[REG_RIP]));
    if (registers_in(getpid(), address_of(context), static_cast<std::uint64_t>(g[REG_RIP]) + 1))
        seen.reset(); // another instruction's
    stack_pointer = static_cast<std::uint64_t>(g[REG_RSP]);
    frame_pointer = static_cast<std::uint64_t>(g[REG_RBP]);
}

TEST(RegistersOfAnInterruptedThread, AreNumberedAsInstructionsDo)
{
    struct sigaction action {}, before {};
    action.sa_sigaction = &look;
    action.sa_flags = SA_SIGINFO;
    ASSERT_EQ(sigaction(SIGTRAP, &action, &before), 0);
    __asm__ volatile("mov $101, %%ecx; mov $102, %%edx; mov $106, %%esi; mov $107, %%edi; mov $108, %%r8d; mov $115, %%r15d; mov $100, %%eax; int3"
                     :
                     :
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r15", "memory");
    sigaction(SIGTRAP, &before, nullptr);
    ASSERT_TRUE(seen);
    auto const &r { *seen };
    EXPECT_EQ(r[0], 100u);
    EXPECT_EQ(r[1], 101u);
    EXPECT_EQ(r[2], 102u);
    EXPECT_EQ(r[4], stack_pointer);
    EXPECT_EQ(r[5], frame_pointer);
    EXPECT_EQ(r[6], 106u);
    EXPECT_EQ(r[7], 107u);
    EXPECT_EQ(r[8], 108u);
    EXPECT_EQ(r[15], 115u);
    EXPECT_FALSE(registers_in(getpid(), 0, 0));
    EXPECT_FALSE(registers_in(getpid(), 8, 0));
}

// This executable, as the log tells of it.
Module this_program()
{
    Module m { 0, 0, 0, std::string(4096, '\0') };
    auto const length { readlink("/proc/self/exe", m.path.data(), m.path.size()) };
    m.path.resize(static_cast<std::size_t>(length));
    dl_iterate_phdr([](dl_phdr_info *info, std::size_t, void *to) { return static_cast<Module *>(to)->bias = info->dlpi_addr, 1; }, &m);
    return m;
}

TEST(Code, IsReadFromTheFileOfAProcessThatIsGone)
{
    Unwinder unwinder { 0x7ffffffe, false, { this_program() } };
    std::array<std::byte, longest_instruction> code {};
    auto const at { reinterpret_cast<std::byte const *>(&read_memory) };
    ASSERT_EQ(unwinder.code_at(address_of(at), true, code), code.size());
    EXPECT_TRUE(std::ranges::equal(code, std::span { at, code.size() }));
    EXPECT_EQ(unwinder.code_at(address_of(&seen), false, code), 0u); // .bss has no bytes in the file
    EXPECT_EQ(unwinder.code_at(8, false, code), 0u);
}

// Code that lies in no file: mov [rdi], rsi; ret.
class MadeCode : public testing::Test {
protected:
    MadeCode() : begin_ { mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) } { std::ranges::copy(made_, static_cast<unsigned char *>(begin_)); }
    ~MadeCode() override { munmap(begin_, page); }

    static constexpr std::array<unsigned char, longest_instruction> made_ { 0x48, 0x89, 0x37, 0xc3 };
    void *begin_;
};

TEST_F(MadeCode, IsReadFromTheProcessOnlyWhereAThreadWaits)
{
    Unwinder unwinder { getpid(), true, {} };
    std::array<std::byte, longest_instruction> code {};
    EXPECT_EQ(unwinder.code_at(address_of(begin_), false, code), 0u);
    ASSERT_EQ(unwinder.code_at(address_of(begin_), true, code), code.size());
    EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span { made_ }), code));
}

// A forked child may leave the stack that its parent left before, but its code is its own.
TEST_F(MadeCode, IsThatOfTheProcessThatAccessed)
{
    constexpr std::uint32_t parent { 0x7ffffffe };
    auto const child { static_cast<std::uint32_t>(getpid()) };
    Processes processes;
    processes.see(observe::EventNo { 0 }, { .process = parent, .kind = observe::Kind::process }, {});
    processes.see(observe::EventNo { 1 }, { .process = parent, .kind = observe::Kind::stack, .more = { address_of(begin_), 8, 0x1000, 0 } }, std::vector<std::byte>(8));
    processes.see(observe::EventNo { 2 }, { .process = child, .kind = observe::Kind::process, .detail = 1, .more = { parent } }, {});
    observe::Event e { .process = child, .kind = observe::Kind::access, .detail = 1, .more = { 0x5000, 0, address_of(begin_) }, .stack = observe::EventNo { 1 } };
    ASSERT_NE(processes.stack_of(e), no_stack);
    auto const a { processes.access_of(e, processes.stack_of(e), true) };
    ASSERT_TRUE(a);
    EXPECT_EQ(a->bytes, 8u);
    EXPECT_FALSE(processes.access_of(e, processes.stack_of(e), false));
    e.detail = 0; // the instruction reads nothing
    EXPECT_FALSE(processes.access_of(e, processes.stack_of(e), true));
}

// Forked children with the same stack differ in little: each in its number and in the instruction.
TEST(StacksOfForkedChildren, AreTheirOwn)
{
    Processes processes;
    std::uint64_t n { 0 };
    std::map<StackId, int> seen_ids;
    for (std::uint32_t process { 1000 }; process < 1016; ++process) {
        processes.see(observe::EventNo { n++ }, { .process = process, .kind = observe::Kind::process }, {});
        for (std::uint64_t instruction { 0x401000 }; instruction < 0x401010; ++instruction) {
            observe::EventNo const number { n++ };
            processes.see(number, { .process = process, .kind = observe::Kind::stack, .more = { instruction, 8, 0x7ffc00001000, 0 } }, std::vector<std::byte>(8));
            ++seen_ids[processes.stack_of({ .process = process, .stack = number })];
        }
    }
    EXPECT_EQ(seen_ids.size(), 16u * 16u);
}

} // namespace
} // namespace gmem::cli::reports
