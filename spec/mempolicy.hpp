#pragma once
// NUMA policy of a guest_memfd: section 8. Kept in the inode per page, set through a shared window, read by whoever asks.

#include "spec/state.hpp"

namespace gmem::spec {

inline constexpr int policy_default { 0 }, policy_preferred { 1 }, policy_bind { 2 }, policy_interleave { 3 }, policy_local { 4 };

struct Policy final {
    int mode { policy_default };
    std::uint64_t nodes { 0 };

    friend bool operator==(Policy const &, Policy const &) = default;
};

// One entry a page, policy_default where none was set.
using Policies = std::vector<Policy>;

// mbind() of pages [first, last): the errno, 0 for success and then the policies are set. `online`: the nodes that exist.
int set_policy(Policies &policies, std::uint64_t first, std::uint64_t last, Policy wanted, std::uint64_t online);

// get_mempolicy(MPOL_F_ADDR) of a page; beyond the end of the file there is none.
Policy policy_at(Policies const &policies, std::uint64_t page);

// Where a page that is allocated now may lie; every online node where no policy speaks. Pages that exist never move.
std::uint64_t nodes_for_allocation(Policies const &policies, std::uint64_t page, std::uint64_t online);

} // namespace gmem::spec
