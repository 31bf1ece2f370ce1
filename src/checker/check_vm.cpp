// What is done with a VM: memslots, and the attributes that it may track itself.

#include "checker/possible.hpp"
#include "checker/world.hpp"
#include "spec/vm_attributes.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::checker {
namespace {

using observe::Kind;

spec::MemslotCall call_of(observe::Event const &e)
{
    if (e.kind == Kind::unbind)
        return { .slot = static_cast<std::uint32_t>(e.more[0]), .gpa = e.more[2] };
    return { .slot = static_cast<std::uint32_t>(e.more[0]), .flags = static_cast<std::uint32_t>(e.more[5] | spec::mem_guest_memfd), .gpa = e.more[2], .size = e.size, .userspace_addr = e.more[4], .offset = e.offset };
}

// Two at a time: which slots there are afterwards nobody knows.
void forget(spec::VmSlots &vm, Moment const &m)
{
    if (m.at_once.too_many)
        vm.slots.clear();
    auto const drop { [&vm](observe::Event const &e) {
        std::erase_if(vm.slots, [&](spec::Slot const &s) { return s.made_with.slot == e.more[0]; });
    } };
    for (auto const *o : m.at_once.others)
        drop(o->step->event);
    if (!m.at_once.others.empty())
        drop(m.event());
}

} // namespace

// Slots that the trace does not show may be there: without a file, or older. So a refusal that only such a slot explains is believed, a success over a
// slot that is known is not.
spec::Complaint check_bind(World &w, Moment const &m)
{
    auto const &e { m.event() };
    if (!m.now.step->arguments_known || (m.err() != 0 && m.err() != EINVAL && m.err() != EEXIST && m.err() != EBADF))
        return std::nullopt; // ENOMEM, EINTR and the like
    auto &vm { w.vm(w.vm_of(e)).slots };
    auto const call { call_of(e) };
    auto const &file { w.file(e.file) };
    bool const unsettled { !m.at_once.others.empty() || m.at_once.too_many };
    if (unsettled)
        forget(vm, m);
    bool const slot_known { std::any_of(vm.slots.begin(), vm.slots.end(), [&](spec::Slot const &s) { return s.made_with.slot == call.slot; }) };
    // A descriptor that is no file of ours has no number.
    spec::MemslotFile const named { e.file != 0 ? spec::NamedFile::ours : spec::NamedFile::something_else, spec::FileId { e.file }, file.size.value_or(file.longest) };
    auto const by_arguments { spec::memslot_argument_errno(vm, call) };
    auto must { spec::memslot_errno(vm, call, named) };
    if (call.size == 0 && !slot_known && by_arguments == 0)
        must = m.err(); // of a slot that is not known nobody can say whether it was there; gmem tells of a deletion twice
    bool const somebody_else { must == 0 && m.err() != 0 && (e.kind == Kind::bind || unsettled) };
    bool const more_than_known { must != 0 && by_arguments == 0 && m.err() != 0 };
    if (must != m.err() && !somebody_else && !more_than_known)
        return (must == EEXIST ? (spec::overlaps_in_guest(vm, call) ? "6.1 (12): it overlaps another slot in guest memory" : "6.1 (13): its part of the file is in another slot") : std::string { "6.1" })
            + ": errno must be " + errno_name(must);
    if (m.err() == 0 && !unsettled)
        spec::memslot_done(vm, call, named);
    return std::nullopt;
}

spec::Complaint check_vm_attributes(World &w, Moment const &m)
{
    auto const &e { m.event() };
    if (!m.now.step->arguments_known || m.err() == ENOMEM || m.err() == EFAULT)
        return std::nullopt;
    spec::VmAttributesCall const call { .address = e.more[0], .size = e.size, .attributes = e.more[4] | (e.detail ? 8u : 0u), .flags = e.more[2] };
    spec::Complaint first;
    for (bool const in_place : w.facts.in_place ? std::vector { *w.facts.in_place } : std::vector { true, false })
        for (bool const tracks : w.facts.vm_attributes ? std::vector { *w.facts.vm_attributes } : std::vector { false, true })
            for (bool const private_memory : { true, false }) {
                auto const must { spec::vm_attributes_errno(call, { in_place, tracks, w.facts.profile }, private_memory) };
                if (must == m.err())
                    return std::nullopt;
                if (!first)
                    first = "1.6: errno must be " + errno_name(must);
            }
    return first;
}

} // namespace gmem::checker
