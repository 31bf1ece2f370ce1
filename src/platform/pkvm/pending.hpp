#pragma once
// What guests have asked for and the VMM has not answered yet: KVM's own copy, since kvm_run is memory that the VMM can write. A
// conversion is solicited if it lies inside ONE request of its direction: a request over two memslots is answered by two conversions.
// platform-models.md 3.3 (proposal of 24 February 2026).
//
// A request is of pages of the file, as a conversion is: who records it has translated the guest's frames through the memslots. So
// no request is ever found for pages that are nowhere bound. VmState::pending is kept oldest first; next_pending is how many there are.
// The caller holds the file's lock.

#include "base/units.hpp"
#include "platform/vm_state.hpp"

namespace gmem::platform::pkvm {

// A guest asks, and its vCPU exits. Asking twice is asking once. With no room the oldest request is forgotten.
void record_request(VmState &, PageRange, bool to_private) noexcept;

// Is there a request for all of it?
bool requested(VmState const &, PageRange, bool to_private) noexcept;

// The conversion happened: that part of the request is answered. Nothing if nobody asked.
void consume_request(VmState &, PageRange, bool to_private) noexcept;

} // namespace gmem::platform::pkvm
