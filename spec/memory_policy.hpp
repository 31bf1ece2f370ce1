#pragma once
// NUMA policy of a guest_memfd: section 8, last bullet; argument rules of mbind(2).

#include "spec/state.hpp"

namespace gmem::spec {

// linux/mempolicy.h (UAPI).
enum PolicyMode : int { policy_default, policy_preferred, policy_bind, policy_interleave, policy_local, policy_preferred_many, policy_weighted_interleave };
inline constexpr int policy_static_nodes { 1 << 15 }, policy_relative_nodes { 1 << 14 };
inline constexpr unsigned policy_strict { 1 }, policy_move { 2 };

// Section 8: kept in the inode for each file offset. Default: nothing is set, the allocator or the task's policy decides.
struct Policy final {
    int mode { policy_default };
    std::uint64_t nodes { 0 };

    friend bool operator==(Policy, Policy) = default;
};

struct MbindCall final {
    std::uint64_t first, pages; // pages of the file that the range shows
    int mode;
    std::uint64_t nodes;
    unsigned flags;
};

// The errno that mbind on a window must have; 0, and then the pages have the policy. `allowed`: the nodes that this task may use.
int mbind(std::vector<Policy> &policies, MbindCall const &call, std::uint64_t allowed);

// Nodes from which a page that is allocated now may come: the set, or empty where any node will do.
std::uint64_t nodes_of_new_page(Policy const &p);

} // namespace gmem::spec
