#pragma once
// kvm_gmem_populate(): pages of a launch, one after the other, each handed to the platform's callback under its file's lock.
// guest_memfd specification 5.1.

#include "kvm/frame_attributes.hpp"
#include "kvm/mode.hpp"
#include "kvm/slot_table.hpp"
#include "memory/trusted_side.hpp"
#include "observe/recording.hpp"
#include "os/signals.hpp"

namespace gmem::kvm::launch {

// The VM's memory. The caller holds its lock, and blocks signals.
struct Memory final {
    SlotTable const &slots;
    FrameAttributes const &frames;
    Mode mode;
    os::SignalsBlocked const &signals;
    observe::Recording &event; // of the call that this is

    // May a page be populated from its own bytes?
    bool in_place() const noexcept { return mode.tracker == Tracker::files; }
};

// One page, as a callback meets it.
struct PageOfLaunch final {
    memory::TrustedSide &trusted;
    PageNo page;          // in its file
    std::uint64_t frame;
    Attribute attribute;
    std::byte *source;    // a copy of the program's page, or null
    bool existed;         // had anybody touched it before?
    std::uint64_t inode;  // of its file
};

class Populator {
public:
    // 0 or -errno: then the page counts as not done.
    virtual int page(PageOfLaunch const &) noexcept = 0;

protected:
    ~Populator() = default;
};

// Pages of one file, side by side in it and in the guest.
struct Stretch final {
    memory::GuestMemory &file;
    PageNo first;
    std::uint64_t frame, pages;
    observe::Recording *event { nullptr }; // of the call that this is
};

// Page after page, until one fails: how many are done, if any; otherwise why not the first, as below. `source`: page aligned. `of_vm`: who knows which frames are private; nullptr: the file.
Result<std::uint64_t> populate(Stretch const &, std::uintptr_t source, FrameAttributes const *of_vm, os::SignalsBlocked const &, Populator &) noexcept;

// From `frame` on, at most `pages` (not 0) and not beyond the memslot. How many are done, if any; otherwise why not the first: EINVAL: no slot with a
// guest_memfd, the source is not page aligned, the page is not private; EFAULT: the file is gone, or the source is no memory; EINTR; ENOMEM; and what the
// callback answers. `source`: the program's address, 0 for none.
Result<std::uint64_t> populate(Memory const &, std::uint64_t frame, std::uintptr_t source, std::uint64_t pages, Populator &) noexcept;

} // namespace gmem::kvm::launch
