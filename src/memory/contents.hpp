#pragma once
// What guest_memfd itself does to the bytes of a conversion, in the versions of the proposal that have content modes (platform/support.hpp decides).
// Only pages that have memory are touched: a hole has nothing to lose.

#include "memory/guest_memory.hpp"
#include "platform/support.hpp"

namespace gmem::memory {

// In a file whose lock the caller holds. The host kernel's own hand: a page that the trusted side still holds would have brought the host down, and gmem
// says so, with `call` as the culprit, instead of writing to it. Cannot fail.
void apply_to_contents(GuestMemory &file, PageRange r, platform::ContentEffect effect, char const *call) noexcept;

// Does the page have memory: has anybody touched it?
bool has_memory(GuestMemory &file, PageNo p) noexcept;

} // namespace gmem::memory
