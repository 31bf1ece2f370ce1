#pragma once
// What KVM does to the RMP when a guest faults and when a range becomes shared: sev_gmem_prepare() and sev_gmem_make_shared().
// platform-models.md 1.6.

#include "base/result.hpp"
#include "platform/snp/rmp.hpp"

namespace gmem::platform::snp {

// The fault path. ENOENT: no such page; EINVAL: RMPUPDATE refuses. A page that is assigned already is left as it is, whoever has it. `largest`: what
// the memory behind the file allows; the entry is of 2 MiB only if all of it is free, and the frame aligned.
Status prepare(Pages const &, PageNo, std::uint64_t frame, PageSize largest = PageSize::small) noexcept;

// Unassigned pages are skipped; a 2 MiB entry of which `r` has a part is split first. Returns how many pages the firmware or another
// processor would not give back: KVM leaks those, so they are replaced by zeroed pages of the host.
std::uint64_t make_shared(Pages const &, PageRange r) noexcept;

// The same where the pages leave the file; the guest's bytes are wiped, which costs less than to encrypt what nobody will read.
std::uint64_t reclaim(Pages const &, PageRange r) noexcept;

} // namespace gmem::platform::snp
