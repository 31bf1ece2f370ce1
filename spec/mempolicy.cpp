#include "spec/mempolicy.hpp"

#include <cerrno>

namespace gmem::spec {

int set_policy(Policies &policies, std::uint64_t first, std::uint64_t last, Policy wanted, std::uint64_t online)
{
    switch (wanted.mode) {
    case policy_default:
    case policy_local:
        if (wanted.nodes != 0)
            return EINVAL; // these two name no nodes
        break;
    case policy_preferred:
        if (wanted.nodes == 0) {
            wanted.mode = policy_local; // preferred without a node is local allocation
            break;
        }
        if ((wanted.nodes & online) == 0)
            return EINVAL;
        break;
    case policy_bind:
    case policy_interleave:
        if ((wanted.nodes & online) == 0)
            return EINVAL; // at least one node that exists
        break;
    default:
        return EINVAL; // invalid mode
    }
    for (auto p { first }; p < last && p < policies.size(); ++p)
        policies[p] = wanted; // policy_default clears
    return 0;
}

Policy policy_at(Policies const &policies, std::uint64_t page) { return page < policies.size() ? policies[page] : Policy {}; }

std::uint64_t nodes_for_allocation(Policies const &policies, std::uint64_t page, std::uint64_t online)
{
    auto const p { policy_at(policies, page) };
    return p.mode == policy_bind || p.mode == policy_interleave ? p.nodes & online : online; // preferred and local may fall back
}

} // namespace gmem::spec
