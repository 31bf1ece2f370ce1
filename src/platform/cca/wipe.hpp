#pragma once
// What an undelegated granule holds: Options::cca_wiped. platform-models.md 4.1.

#include "platform/pages.hpp"

namespace gmem::platform::cca {

// Zeros; or, as with memory encryption contexts, something that depends on nothing but the VM's key and the physical page. No 8 bytes of
// it are what was there before.
void wipe(Pages &, PageNo) noexcept;

} // namespace gmem::platform::cca
