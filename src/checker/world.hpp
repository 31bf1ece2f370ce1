#pragma once
// Everything that a trace has told so far; and what one event is compared with.

#include "checker/file_model.hpp"
#include "checker/neighbours.hpp"
#include "checker/pin_timeline.hpp"
#include "spec/memslot.hpp"

#include <map>
#include <string>
#include <unordered_map>

namespace gmem::checker {

struct World final {
    Facts facts;
    PinTimeline pins;
    std::unordered_map<std::uint64_t, FileModel> files {};
    std::map<std::uint64_t, spec::VmSlots> vms {};
    std::unordered_map<std::uint64_t, std::uint64_t> excuses {}; // thread -> file: why its next conversion may be refused

    FileModel &file(std::uint64_t id) { return files[id]; }
    spec::VmSlots &vm(std::uint64_t id);

    // Of what the specification says nothing, but which explains what comes.
    void tell(observe::Event const &e);
};

struct Moment final {
    Ordered const &now;
    Neighbours::AtOnce at_once;

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

// Has another event that may have come before or after this one changed pages [first, last), to something else than `to`?
bool disturbed(Moment const &m, std::uint64_t first, std::uint64_t last, Known to = Known::unknown);

// "EAGAIN"; "success" for 0.
std::string errno_name(int err);

} // namespace gmem::checker
