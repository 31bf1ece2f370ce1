// NUMA: where pages of a guest_memfd are to come from, and where they are.

#include "player/perform.hpp"
#include "scenario/operations.hpp"

#include <array>
#include <linux/mempolicy.h>
#include <sys/syscall.h>

namespace gmem::player {
namespace {

using scenario::Does;

struct Policy final {
    std::string_view name;
    int mode;
};
constexpr Policy policies[] { { "default", MPOL_DEFAULT }, { "preferred", MPOL_PREFERRED }, { "bind", MPOL_BIND }, { "interleave", MPOL_INTERLEAVE } };

constexpr unsigned long most_nodes { 1024 };
using Nodes = std::array<unsigned long, most_nodes / 64>;

// Without numbers: every node that this program may use.
Nodes mask_of(std::vector<unsigned> const &numbers)
{
    Nodes nodes {};
    if (numbers.empty())
        driver::must("get_mempolicy", ::syscall(SYS_get_mempolicy, nullptr, nodes.data(), most_nodes, nullptr, MPOL_F_MEMS_ALLOWED));
    for (auto const n : numbers)
        nodes[n / 64] |= 1ul << n % 64;
    return nodes;
}

} // namespace

void do_policy(Stage &stage, scenario::Step const &step, Seen &seen)
{
    auto const &g { step.given };
    auto *const address { stage.region(g.at->memory).window->at(g.at->offset) };
    if (step.operation->does == Does::bind_policy) {
        int mode { MPOL_DEFAULT };
        for (auto const &row : policies)
            if (row.name == *g.policy)
                mode = row.mode;
        auto const nodes { mode == MPOL_DEFAULT ? Nodes {} : mask_of(g.nodes) };
        seen.error = ::syscall(SYS_mbind, address, g.size.value_or(driver::page_size), mode, nodes.data(), most_nodes, 0) == 0 ? 0 : errno;
        return;
    }
    bool const which { step.operation->does == Does::node };
    int answer { -1 };
    seen.error = ::syscall(SYS_get_mempolicy, &answer, nullptr, 0, address, which ? MPOL_F_NODE | MPOL_F_ADDR : MPOL_F_ADDR) == 0 ? 0 : errno;
    if (*seen.error != 0)
        return;
    if (which)
        seen.node = static_cast<std::uint64_t>(answer);
    for (auto const &row : policies)
        if (!which && row.mode == answer)
            seen.policy = row.name;
}

} // namespace gmem::player
