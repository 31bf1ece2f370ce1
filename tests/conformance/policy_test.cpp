// Section 8, NUMA: what mbind on a window answers and what get_mempolicy then says, through the same window and another one, on
// shared and private pages; and where new pages come from. On a machine with one node the last is one answer; the rest is not.

#include "spec/memory_policy.hpp"
#include "tests/conformance/subject.hpp"

#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <rapidcheck.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace gmem;
using namespace gmem::conformance;

namespace {

constexpr std::uint64_t page { 4096 }, pages { 32 };
constexpr unsigned long by_node { 1 }, by_address { 2 }, allowed_nodes { 4 };

int mbind(void *address, std::uint64_t length, int mode, std::uint64_t nodes, unsigned flags)
{
    return syscall(SYS_mbind, address, length, mode, &nodes, 65ul, flags) == 0 ? 0 : errno;
}

spec::Policy policy_at(void *address)
{
    spec::Policy p;
    std::uint64_t nodes[16] {};
    if (syscall(SYS_get_mempolicy, &p.mode, nodes, 1024ul, address, by_address) != 0)
        p.mode = -errno;
    p.nodes = nodes[0];
    return p;
}

int node_of(void *address)
{
    int node { -1 };
    return syscall(SYS_get_mempolicy, &node, nullptr, 0ul, address, by_address | by_node) == 0 ? node : -errno;
}

std::uint64_t nodes_here()
{
    std::uint64_t nodes[16] {};
    int mode { 0 };
    return syscall(SYS_get_mempolicy, &mode, nodes, 1024ul, nullptr, allowed_nodes) == 0 ? nodes[0] : 0;
}

struct File final {
    Vm vm;
    int fd { vm.create(pages * page, 3) };
    char *window { map() }, *other { map() };
    std::vector<spec::Policy> model { std::vector<spec::Policy>(pages) };

    File() = default;
    ~File()
    {
        munmap(window, pages * page);
        munmap(other, pages * page);
        close(fd);
    }
    File(File const &) = delete;
    char *map() const { return static_cast<char *>(mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)); }
};

// Guest_memfd has policies since 6.19; before, they belong to the mapping and the other window does not see them.
bool file_keeps_policies()
{
    File f;
    mbind(f.window, page, spec::policy_bind, 1, 0);
    return policy_at(f.other).mode == spec::policy_bind;
}

#define NEEDS_POLICIES()                                                          \
    NEEDS_GUEST_MEMFD();                                                          \
    if (nodes_here() == 0 || !file_keeps_policies())                              \
    GTEST_SKIP() << "this kernel's guest_memfd keeps no NUMA policy"

struct Call final {
    spec::MbindCall call;

    void perform(File &f) const
    {
        auto const must { spec::mbind(f.model, call, nodes_here()) };
        RC_ASSERT(mbind(f.window + call.first * page, call.pages * page, call.mode, call.nodes, call.flags) == must);
        for (std::uint64_t p { 0 }; p < pages; ++p) {
            RC_ASSERT(bool(policy_at(f.window + p * page) == f.model[p]));
            RC_ASSERT(bool(policy_at(f.other + p * page) == f.model[p]));
        }
    }
};
std::ostream &operator<<(std::ostream &o, Call const &c)
{
    return o << "Call{{" << c.call.first << ", " << c.call.pages << ", " << c.call.mode << ", " << c.call.nodes << ", " << c.call.flags << "}}";
}

rc::Gen<Call> calls()
{
    return rc::gen::exec([] {
        auto const first { *rc::gen::inRange<std::uint64_t>(0, pages) };
        auto const mode { *rc::gen::inRange(-1, 8) };
        auto const modifier { *rc::gen::weightedElement<int>({ { 6, 0 }, { 1, spec::policy_static_nodes }, { 1, spec::policy_relative_nodes }, { 1, spec::policy_static_nodes | spec::policy_relative_nodes } }) };
        auto const nodes { *rc::gen::weightedElement<std::uint64_t>({ { 4, nodes_here() }, { 3, 0 }, { 2, 1 }, { 1, std::uint64_t { 1 } << 63 } }) };
        auto const flags { *rc::gen::weightedElement<unsigned>({ { 8, 0 }, { 1, 8 }, { 1, spec::policy_move } }) };
        return Call { { first, *rc::gen::inRange<std::uint64_t>(1, pages - first + 1), mode < 0 ? 100 : mode | modifier, nodes, flags } };
    });
}

} // namespace

TEST(Policy, SequencesAnswerAsSpecified)
{
    NEEDS_POLICIES();
    EXPECT_TRUE(rc::check("mbind", [] {
        File f;
        for (auto const &c : *rc::gen::container<std::vector<Call>>(calls()))
            c.perform(f);
    }));
}

TEST(Policy, BelongsToTheOffsetNotToTheAttribute)
{
    NEEDS_POLICIES();
    NEEDS_CONVERSION();
    File f;
    MemoryAttributes2 q { 4 * page, 4 * page, 8, 0, 0, {} };
    ASSERT_EQ(convert(f.fd, q), 0);
    EXPECT_EQ(mbind(f.window + 3 * page, 3 * page, spec::policy_bind, 1, 0), 0);
    spec::Policy const bound { spec::policy_bind, 1 };
    EXPECT_EQ(policy_at(f.other + 4 * page), bound);
    EXPECT_EQ(policy_at(f.other + 6 * page), spec::Policy {});
    EXPECT_FALSE(read_byte(f.window + 4 * page).works);
    q.attributes = 0;
    ASSERT_EQ(convert(f.fd, q), 0);
    EXPECT_EQ(policy_at(f.window + 4 * page), bound);
    ASSERT_EQ(fallocate(f.fd, 3, 0, pages * page), 0);
    EXPECT_EQ(policy_at(f.window + 4 * page), bound);
    EXPECT_EQ(mbind(f.other, pages * page, spec::policy_default, 0, 0), 0); // through the window that set nothing
    EXPECT_EQ(policy_at(f.window + 4 * page), spec::Policy {});
}

// A window's fault, fallocate and populate; each page bound to the next node of this machine. Pages that exist stay.
TEST(Policy, NewPagesComeFromItsNodes)
{
    NEEDS_POLICIES();
    std::vector<unsigned> nodes;
    for (unsigned n { 0 }; n < 64; ++n)
        if (nodes_here() >> n & 1)
            nodes.push_back(n);
    File f;
    auto const node_for { [&](std::uint64_t p) { return nodes[p % nodes.size()]; } };
    for (std::uint64_t p { 0 }; p < pages; ++p)
        ASSERT_EQ(mbind(f.window + p * page, page, spec::policy_bind, std::uint64_t { 1 } << node_for(p), 0), 0);
    for (std::uint64_t p { 0 }; p < 10; ++p)
        ASSERT_TRUE(write_byte(f.window + p * page, 1).works);
    ASSERT_EQ(fallocate(f.fd, 1, 10 * page, 10 * page), 0);
    ASSERT_EQ(madvise(f.window + 20 * page, 12 * page, 23 /* MADV_POPULATE_WRITE */), 0);
    for (std::uint64_t p { 0 }; p < pages; ++p)
        EXPECT_EQ(node_of(f.window + p * page), static_cast<int>(node_for(p))) << "page " << p;

    for (std::uint64_t p { 0 }; p < pages; ++p)
        ASSERT_EQ(mbind(f.window + p * page, page, spec::policy_bind, std::uint64_t { 1 } << node_for(p + 1), spec::policy_move), 0);
    for (std::uint64_t p { 0 }; p < pages; ++p)
        EXPECT_EQ(node_of(f.window + p * page), static_cast<int>(node_for(p))) << "moved, page " << p;
    ASSERT_EQ(fallocate(f.fd, 3, 0, pages * page), 0);
    for (std::uint64_t p { 0 }; p < pages; ++p) {
        ASSERT_TRUE(write_byte(f.window + p * page, 1).works);
        EXPECT_EQ(node_of(f.window + p * page), static_cast<int>(node_for(p + 1))) << "placed again, page " << p;
    }
    std::cout << nodes.size() << " NUMA nodes\n";
}
