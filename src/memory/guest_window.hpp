#pragma once
// The mapping that a memslot of the real KVM gets where the platform has to hear of the guest's first use of a page: a window of the
// guest's, gated like those of the host, through which a private page is reachable only while the platform holds it. The guest's first
// access finds the page closed, comes as an exit, and GuestMemory::guest_touch() does what the hardware would have done.
//
// A record of the window table, so that whatever closes a page closes it here too. It holds no reference to the file, does not survive a
// fork, and is nothing that the program knows of.

#include "memory/guest_memory.hpp"
#include "memory/space.hpp"

namespace gmem::memory {

struct GuestWindow final {
    // Once for a file; the same address afterwards. ENOMEM.
    static Result<std::uintptr_t> open(GuestMemory &file) noexcept;

    // What the guest had of `r` it has to ask for again: before the platform gives the pages up. ENOMEM: some of them may be open still. Callers hold
    // the file's lock and Space::lock().
    static Status close_pages(GuestMemory &file, PageRange r) noexcept GMEM_REQUIRES(Space::lock());

    // The file goes. With `guard` the addresses stay taken, unreadable.
    static void close(GuestMemory &file, GuestMemory::ViewFate fate) noexcept GMEM_REQUIRES(Space::lock());
};

} // namespace gmem::memory
