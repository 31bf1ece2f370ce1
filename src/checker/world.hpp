#pragma once
// Everything that a trace has told so far; and what one event is compared with.

#include "checker/file_model.hpp"
#include "checker/launch_timeline.hpp"
#include "checker/neighbours.hpp"
#include "checker/pin_timeline.hpp"
#include "spec/memslot.hpp"

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace gmem::checker {

// What a trace has told about a VM so far.
struct VmModel final {
    spec::VmSlots slots;
    std::optional<bool> private_memory {};
    std::optional<spec::Platform> platform {};
};

struct World final {
    Facts facts;
    PinTimeline pins;
    LaunchTimeline launches;
    std::unordered_map<std::uint64_t, FileModel> files {};
    std::map<VmName, VmModel> vms {};
    std::unordered_map<std::uint64_t, std::uint64_t> excuses {}; // thread -> file: why its next conversion may be refused
    std::unordered_set<std::uint64_t> exit_reasons {};                    // threads whose next exit is not the specification's: asked for, or the platform refused a page

    FileModel &file(std::uint64_t id) { return files[id]; }
    VmModel &vm(VmName name);
    VmName vm_of(observe::Event const &e) const { return checker::vm_of(e, facts.order); }

    // Of what the specification says nothing, but which explains what comes.
    void tell(observe::Event const &e);
};

struct Moment final {
    Ordered const &now;
    Neighbours::AtOnce at_once;
    Neighbours &neighbours;
    std::size_t index; // of the event, as they count

    observe::Event const &event() const { return now.step->event; }
    int err() const { return event().result < 0 ? -event().result : 0; }
};

// Each compares one event with the specification and moves the world on. Nothing: they agree. Else a sentence that begins with the section's number.
spec::Complaint check_create(World &w, Moment const &m);
spec::Complaint check_convert(World &w, Moment const &m);
spec::Complaint check_fallocate(World &w, Moment const &m);
spec::Complaint check_map(World &w, Moment const &m);
spec::Complaint check_access(World &w, Moment const &m);
spec::Complaint check_pin(World &w, Moment const &m);
spec::Complaint check_bind(World &w, Moment const &m);
spec::Complaint check_vm_attributes(World &w, Moment const &m);
spec::Complaint check_policy(World &w, Moment const &m);
spec::Complaint check_memory_fault(World &w, Moment const &m);
spec::Complaint check_hypercall(World &w, Moment const &m);
spec::Complaint check_pre_fault(World &w, Moment const &m);

// Has one of the events that may have come before or after another one changed pages [first, last), to something else than `to`?
bool disturbed(Neighbours::AtOnce const &at_once, std::uint64_t first, std::uint64_t last, Known to = Known::unknown);

// "EAGAIN"; "success" for 0.
std::string errno_name(int err);

} // namespace gmem::checker
