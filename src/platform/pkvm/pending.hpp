#pragma once
// What guests have asked for and the VMM has not answered yet: KVM's own copy, since kvm_run is memory that the VMM can write. A
// conversion is solicited if it lies inside ONE request of its direction: a request over two memslots is answered by two conversions.
// platform-models.md 3.3 (proposal of 24 February 2026).
//
// VmState::pending is kept oldest first; next_pending is how many there are. The caller holds the file's lock.

#include "platform/vm_state.hpp"

#include <cstdint>

namespace gmem::platform::pkvm {

// Frames [first, last), first < last.
struct FrameRange final {
    std::uint64_t first, last;

    // A memslot's pages from `first` on; first == last where there is no memslot, or the end would wrap.
    static constexpr FrameRange of(std::uint64_t first, std::uint64_t frames) noexcept { return { first, first + frames < first ? first : first + frames }; }
    constexpr bool contains(FrameRange o) const noexcept { return first <= o.first && o.first < o.last && o.last <= last; }
};

// A guest asks, and its vCPU exits. Asking twice is asking once. With no room the oldest request is forgotten.
void record_request(VmState &, FrameRange, bool to_private) noexcept;

// Is there a request for all of it?
bool requested(VmState const &, FrameRange, bool to_private) noexcept;

// The conversion happened: that part of the request is answered. Nothing if nobody asked.
void consume_request(VmState &, FrameRange, bool to_private) noexcept;

} // namespace gmem::platform::pkvm
