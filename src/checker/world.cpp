#include "checker/world.hpp"

#include "base/units.hpp"

#include <algorithm>
#include <cstring>

namespace gmem::checker {

// x86: 32767 slots less KVM's own; two address spaces where a VM has no private memory (section 6.1).
spec::VmSlots &World::vm(std::uint64_t id) { return vms.try_emplace(id, spec::VmSlots { .slot_limit = 32764, .address_spaces = 2, .slots = {} }).first->second; }

void World::tell(observe::Event const &e)
{
    using observe::LaunchStep;
    if (e.kind == observe::Kind::silent_peer || e.kind == observe::Kind::injected)
        excuses[thread_of(e)] = e.file;
    auto const step { static_cast<LaunchStep>(e.detail) };
    if (e.kind == observe::Kind::launch && e.result == 0 && (step == LaunchStep::snp_finish || step == LaunchStep::tdx_finalize || step == LaunchStep::realm_activate))
        for (auto &[id, f] : files)
            if (e.file != 0 ? id == e.file : f.vm == e.more[3]) // a file that no VM has is launched by itself
                f.launch = spec::Launch::finished;
}

Pages pages_of(observe::Event const &e)
{
    auto const end { e.offset > never - e.size ? never : e.offset + e.size };
    return { e.offset / page_size, end / page_size + (end % page_size != 0) };
}

bool disturbed(Moment const &m, std::uint64_t first, std::uint64_t last, Known to)
{
    if (m.at_once.too_many)
        return true;
    return std::any_of(m.at_once.others.begin(), m.at_once.others.end(), [&](Ordered const *o) {
        auto const &e { o->step->event };
        if (e.kind == observe::Kind::create)
            return true;
        if (e.kind != observe::Kind::convert || e.result < 0)
            return false;
        if (!o->step->arguments_known)
            return true;
        auto const there { pages_of(e) };
        return there.first < last && first < there.last && (e.detail ? Known::private_ : Known::shared) != to;
    });
}

std::string errno_name(int err)
{
    if (err == 0)
        return "success";
    auto const *const name { strerrorname_np(err) };
    return name ? name : std::to_string(err);
}

} // namespace gmem::checker
