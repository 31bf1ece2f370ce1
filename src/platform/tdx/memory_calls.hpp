#pragma once
// The SEAMCALLs and the TDCALL on memory. Each asks, in this order: may the TD be asked at all (calls.hpp); is the place one; what does the entry
// allow (transitions.hpp); what does the PAMT say of the page; are the TLBs clean. A call that fails has changed nothing.
//
// A page is named twice, as the host's memory (its number in the file) and as the TD's (its frame): KVM's memslots have the pair. That two
// pages never come to one frame is KVM's doing; that one page never comes to two is the PAMT's, and is tested.
//
// assumption: the order of the questions about the entry and about the PAMT.

#include "platform/pages.hpp"
#include "platform/tdx/calls.hpp"
#include "platform/tdx/page_record.hpp"
#include "platform/tdx/transitions.hpp"

namespace gmem::platform::tdx {

// The entry of 2 MiB of a TD's addresses: free, a leaf (the records of the 512 pages say the same), or NL_* over 512 entries of 4 KiB.
struct Upper final {
    Entry entry { Entry::free };
    std::uint64_t block_epoch { 0 };
};

struct Place final {
    PageNo page;
    std::uint64_t frame;
    Level level { Level::small };
    // Null with a small level: KVM has seen to the Secure-EPT pages, as it does on the way to every page. A large level needs it.
    Upper *upper { nullptr };
};

// The entry that a TD has at the place.
Entry entry_at(Pages const &, Place const &) noexcept;

// A new Secure-EPT page under the entry, and its end, for which it must be empty: the caller's to know, only KVM's teardown asks.
Seam sept_add(TdState const &, Upper &) noexcept;
Seam sept_remove(TdState const &, Upper &) noexcept;

// 4 KiB of the launch image: `source`, or where it is null the page's own bytes ("in-place add"). The guest has accepted it from the start.
Seam page_add(TdState const &, Pages &, Place const &, std::byte const *source) noexcept;

// Does the page at the place go into the measurement? The 256 bytes of it are the caller's (Td::extend).
Seam may_extend(TdState const &, Pages const &, Place const &) noexcept;

// Bytes stay: what the host wrote is still in the memory until ACCEPT.
Seam page_aug(TdState const &, Pages &, Place const &) noexcept;

// The guest's call. Writes zeros.
Seam page_accept(TdState const &, Pages &, Place const &) noexcept;

Seam range_block(TdState const &, Pages &, Place const &) noexcept;
Seam range_unblock(TdState const &, Pages &, Place const &) noexcept;

// Begins an epoch. Not before the last vCPU has left the one before the present.
Seam mem_track(TdState &) noexcept;

// Wipes nothing (platform-models.md 2.2).
Seam page_remove(TdState const &, Pages &, Place const &) noexcept;

// One entry of 2 MiB becomes 512 of 4 KiB, and back: of one state, at consecutive pages and frames.
Seam page_demote(TdState const &, Pages &, Place const &) noexcept;
Seam page_promote(TdState const &, Pages &, Place const &) noexcept;

// After the key is gone. The whole page, of either size.
Seam page_reclaim(TdState const &, Pages &, PageNo) noexcept;

} // namespace gmem::platform::tdx
