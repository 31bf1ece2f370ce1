#include "checker/world.hpp"

#include "base/units.hpp"
#include "observe/faults.hpp"

#include <algorithm>
#include <cstring>

namespace gmem::checker {

// x86: 32767 slots less KVM's own; two address spaces where a VM has no private memory (section 6.1).
VmModel &World::vm(VmName name) { return vms.try_emplace(name, VmModel { .slots = { .slot_limit = 32764, .address_spaces = 2, .slots = {} } }).first->second; }

void World::tell(observe::Event const &e)
{
    using observe::Kind;
    switch (e.kind) {
    case Kind::injected:
        if (e.detail == static_cast<std::uint8_t>(observe::Fault::request))
            exit_reasons.insert(thread_of(e));
        [[fallthrough]];
    case Kind::silent_peer:
        excuses[thread_of(e)] = e.file;
        break;
    case Kind::guest_access:
        if (e.result != 0)
            exit_reasons.insert(thread_of(e));
        break;
    case Kind::release:
        file(e.file).perhaps_gone = true;
        break;
    default:
        break;
    }
}

Pages pages_of(observe::Event const &e)
{
    auto const end { e.offset > never - e.size ? never : e.offset + e.size };
    return { e.offset / page_size, end / page_size + (end % page_size != 0) };
}

bool disturbed(Neighbours::AtOnce const &at_once, std::uint64_t first, std::uint64_t last, Known to)
{
    if (at_once.too_many)
        return true;
    return std::any_of(at_once.others.begin(), at_once.others.end(), [&](Ordered const *o) {
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
