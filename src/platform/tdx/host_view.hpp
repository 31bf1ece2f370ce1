#pragma once
// What the host finds in a page that the TD wrote, through KeyID 0 (platform-models.md 2.2).

#include "platform/pages.hpp"

namespace gmem::platform::tdx {

// Turns the TD's bytes into what the host reads after PAGE.REMOVE.
void leave_to_host(Pages const &, PageNo) noexcept;

// The same of a page that the TD still has, into `out`.
void show_host(Pages const &, PageNo, std::byte *out) noexcept;

// Is a line of the page poisoned?
bool poisoned(Pages const &, PageNo) noexcept;

} // namespace gmem::platform::tdx
