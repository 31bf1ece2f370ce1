#pragma once
// The firmware commands that change a page's state and belong to no launch. platform-models.md 1.2, 1.5.

#include "platform/snp/firmware.hpp"
#include "platform/snp/rmp.hpp"

namespace gmem::platform::snp {

// SNP_PAGE_RECLAIM: what the firmware held becomes the host's to change again. A page that already is: SUCCESS.
//   INVALID_ADDRESS     no such page, or (2 MiB) not aligned
//   INVALID_PAGE_SIZE   the entry's size is another
//   INVALID_PAGE_STATE  HV_FIXED and CONTEXT stay what they are
Firmware page_reclaim(Rmp const &, PageNo, PageSize) noexcept;

// SNP_PAGE_UNSMASH: 512 entries become one of 2 MiB. They must be assigned and alike but for consecutive frames, Validated and permissions too.
//   INVALID_ADDRESS     not aligned, in the machine's memory or the guest's
//   INVALID_PAGE_SIZE   it is one already
//   INVALID_PAGE_STATE  they differ, are not assigned, or hold a VMSA
Firmware page_unsmash(Rmp const &, PageNo) noexcept;

} // namespace gmem::platform::snp
