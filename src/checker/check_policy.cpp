// mbind on windows. Which nodes a task may use a trace does not say: both all and none are tried.

#include "checker/world.hpp"
#include "spec/memory_policy.hpp"

#include <cerrno>

namespace gmem::checker {
namespace {

constexpr unsigned move_all { 4 };   // MPOL_MF_MOVE_ALL: a matter of privilege
constexpr int balancing { 1 << 13 }; // MPOL_F_NUMA_BALANCING: the specification does not have it
constexpr int newest_of_all_kernels { spec::policy_local }; // later modes are EINVAL before the kernel that brought them

int errno_with(observe::Event const &e, std::uint64_t nodes, std::uint64_t allowed)
{
    std::vector<spec::Policy> none;
    return spec::mbind(none, { .first = 0, .pages = 0, .mode = static_cast<int>(e.more[0]), .nodes = nodes, .flags = static_cast<unsigned>(e.more[2]) & ~move_all }, allowed);
}

// Would the call be EINVAL whatever the nodes are that it names and may use? Would it ever be?
struct Refusal final {
    bool always { true }, ever { false };
};
Refusal refusal(observe::Event const &e)
{
    constexpr std::uint64_t all { ~std::uint64_t { 0 } };
    bool const known { e.more[4] != 0 };
    Refusal r;
    for (auto const nodes : known ? std::vector { e.more[3] } : std::vector { std::uint64_t { 0 }, all })
        for (auto const allowed : { std::uint64_t { 0 }, all }) {
            bool const refused { errno_with(e, nodes, allowed) != 0 };
            r.always = r.always && refused;
            r.ever = r.ever || refused;
        }
    return r;
}

} // namespace

spec::Complaint check_policy(World &, Moment const &m)
{
    auto const &e { m.event() };
    auto const mode { static_cast<int>(e.more[0]) };
    if (!m.now.step->arguments_known || (mode & balancing))
        return std::nullopt;
    auto const r { refusal(e) };
    if (m.err() == 0 && r.always)
        return "8: errno must be EINVAL";
    if (m.err() == EIO && !(e.more[2] & spec::policy_strict))
        return "8: EIO is for MPOL_MF_STRICT";
    if (m.err() == EPERM && !(e.more[2] & move_all))
        return "8: EPERM is for MPOL_MF_MOVE_ALL";
    bool const newer { (mode & ~(spec::policy_static_nodes | spec::policy_relative_nodes)) > newest_of_all_kernels };
    if (m.err() == EINVAL && !r.ever && !newer)
        return "8: the policy is a good one";
    return std::nullopt;
}

} // namespace gmem::checker
