// What guests make a VMM hear of: exits, and pages that are mapped for them before they ask.

#include "checker/world.hpp"
#include "spec/exits.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::checker {
namespace {

using observe::Kind;

// Guests of these have no reason for such an exit but their side and the memslots. A realm has others (platform-models.md 4), and firmware may refuse a page.
bool only_sides_matter(spec::Platform p) { return p != spec::Platform::cca; }

// 2.6: a VM of these versions that faults before its launch has ended is broken, and hears EFAULT.
bool may_be_bugged(World const &w, Moment const &m, VmName vm, spec::Platform platform)
{
    return spec::early_fault_bugs_vm(w.facts.profile) && platform != spec::Platform::sw_protected && w.launches.during(vm, 0, m.now) != spec::Launch::finished;
}

// The page of a file at `gpa`, as it surely was while the guest ran. Empty: it may have been so or so.
std::optional<spec::PageState> page_at(World &w, Moment const &m, VmName vm, std::uint64_t gpa)
{
    auto const slots { m.neighbours.around(m.index, vm) };
    auto const place { spec::guest_access(w.vm(vm).slots, gpa) };
    if (slots.too_many || !slots.others.empty() || place.what != spec::GuestMeets::file)
        return std::nullopt;
    auto const id { static_cast<std::uint64_t>(*place.file) };
    auto const &file { w.file(id) };
    // 9.2: before, a slot of a file without GUEST_MEMFD_FLAG_MMAP had its shared pages elsewhere.
    if (file.perhaps_gone || (w.facts.profile != spec::Profile::mainline && !file.mmap.value_or(false)))
        return std::nullopt;
    auto const page { place.at / page_size };
    auto const at_once { m.neighbours.around(m.index, id) };
    bool const released { std::any_of(at_once.others.begin(), at_once.others.end(), [](Ordered const *o) { return o->step->event.kind == Kind::release; }) };
    auto const state { file.pages.at(page) };
    if (released || disturbed(at_once, page, page + 1) || state == Known::unknown)
        return std::nullopt;
    return state == Known::private_ ? spec::PageState::private_ : spec::PageState::shared;
}

} // namespace

// What the access was only the guest knows: that it differs from the page is believed. That it does not differ is an exit for nothing.
spec::Complaint check_memory_fault(World &w, Moment const &m)
{
    auto const &e { m.event() };
    bool const has_reason { w.exit_reasons.erase(thread_of(e)) != 0 };
    auto const name { w.vm_of(e) };
    auto const &vm { w.vm(name) };
    bool const of_ranges { !vm.platform || *vm.platform == spec::Platform::cca };
    if (auto const wrong { spec::memory_fault_form({ .flags = e.more[2], .gpa = e.more[0], .size = e.size }, of_ranges ? spec::FaultOf::range : spec::FaultOf::page) })
        return wrong;
    bool const access_is_private { (e.more[2] & spec::memory_exit_private) != 0 };
    if (vm.private_memory == false && access_is_private && !has_reason)
        return spec::memory_fault_of({ false, spec::PageState::shared }, true); // whatever the page is
    if (m.err() != EFAULT || has_reason || !vm.private_memory || !vm.platform || !only_sides_matter(*vm.platform) || w.facts.in_place != true || may_be_bugged(w, m, name, *vm.platform))
        return std::nullopt;
    auto const page { page_at(w, m, name, e.more[0]) };
    return page ? spec::memory_fault_of({ *vm.private_memory, *page }, access_is_private) : std::nullopt;
}

spec::Complaint check_hypercall(World &w, Moment const &m)
{
    auto const &e { m.event() };
    w.exit_reasons.erase(thread_of(e));
    if (e.more[0] != spec::map_gpa_range)
        return std::nullopt; // pKVM's, or another's: platform-models.md
    return spec::map_gpa_range_form(e.more[2], e.more[3]);
}

// Which memory there is at all the trace does not know: memslots without a guest_memfd are not in it.
spec::Complaint check_pre_fault(World &w, Moment const &m)
{
    auto const &e { m.event() };
    if (!m.now.step->arguments_known || m.err() == EFAULT || m.err() == ENOTTY || m.err() == EIO)
        return std::nullopt; // a bad address, also on the way back; a KVM without it; a VM that is broken
    spec::PreFaultCall const call { .gpa = e.more[0], .size = e.size, .flags = e.more[4] };
    auto const launch { w.launches.during(w.vm_of(e), 0, m.now) };
    auto const &platform { w.vm(w.vm_of(e)).platform };
    bool const waits_for_launch { launch && platform && (*platform == spec::Platform::snp || *platform == spec::Platform::tdx) };
    auto const launched { !waits_for_launch ? spec::Launched::no_launch : *launch == spec::Launch::finished ? spec::Launched::finished : spec::Launched::under_way };
    if (auto const must { spec::pre_fault_errno(call, launched) }; must != 0) {
        bool const allowed { m.err() == must || (must == EOPNOTSUPP && m.err() == EINTR) }; // signals are looked at before
        return allowed ? std::nullopt : spec::Complaint { "4.2: errno must be " + errno_name(must) };
    }
    if (m.err() == EOPNOTSUPP && launched == spec::Launched::finished)
        return "4.2: the launch has ended: pages may be mapped";
    if (m.err() == ENOENT && page_at(w, m, w.vm_of(e), call.gpa))
        return "4.2: there is a memslot";
    return spec::pre_fault_progress(call, m.err(), e.more[2]);
}

} // namespace gmem::checker
