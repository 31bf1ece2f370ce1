#include "spec/memory_policy.hpp"

#include <cerrno>

namespace gmem::spec {

int mbind(std::vector<Policy> &policies, MbindCall const &call, std::uint64_t allowed)
{
    if ((call.flags & ~(policy_strict | policy_move)) != 0) // MPOL_MF_MOVE_ALL is a matter of privilege, not of policy
        return EINVAL;
    auto const modifiers { call.mode & (policy_static_nodes | policy_relative_nodes) };
    auto const mode { call.mode & ~modifiers };
    if (mode < policy_default || mode > policy_weighted_interleave)
        return EINVAL;
    if (modifiers == (policy_static_nodes | policy_relative_nodes))
        return EINVAL;
    // Without a modifier the nodes are those of the machine that may be used; static ones are kept as they were named, and relative
    // ones are counted around the allowed nodes, so that any of them will do.
    Policy set { call.mode, modifiers ? call.nodes : call.nodes & allowed };
    bool const usable { (modifiers & policy_relative_nodes ? call.nodes : call.nodes & allowed) != 0 };
    switch (mode) {
    case policy_default:
        if (call.nodes != 0)
            return EINVAL;
        set = {}; // section 8: clears
        break;
    case policy_local:
        if (call.nodes != 0 || modifiers != 0)
            return EINVAL;
        break;
    case policy_preferred:
        if (call.nodes == 0) { // "local", by its older name
            if (modifiers != 0)
                return EINVAL;
            set = { policy_local, 0 };
            break;
        }
        [[fallthrough]];
    default:
        if (!usable)
            return EINVAL;
    }
    for (auto p { call.first }; p < call.first + call.pages && p < policies.size(); ++p)
        policies[p] = set;
    return 0;
}

std::uint64_t nodes_of_new_page(Policy const &p)
{
    auto const mode { p.mode & ~(policy_static_nodes | policy_relative_nodes) };
    bool const binding { mode == policy_bind || mode == policy_interleave || mode == policy_weighted_interleave };
    return binding ? p.nodes : 0;
}

} // namespace gmem::spec
