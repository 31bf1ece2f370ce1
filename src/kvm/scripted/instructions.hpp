#pragma once
// What a guest does to its own pages, on the models of the platforms: PVALIDATE, RMPADJUST, TDG.MEM.PAGE.ACCEPT, MEM_SHARE and its like, and the
// RIPAS of a page. Pure; the caller holds the file's lock, has staged the page's record, and settles it after.

#include "kvm/scripted/guest_side.hpp"
#include "platform/pages.hpp"

namespace gmem::kvm::scripted {

// `page` is what the memslot has at `frame`, of a VM of `kind`; the operation is one of that kind. Met::What::retry: the host gives the page to
// the guest first.
Answered instruct(platform::Kind kind, platform::Pages &pages, PageNo page, std::uint64_t frame, Operation const &operation) noexcept;

// Does the operation need the page to be the guest's, as an access on the private side does? The others change whose it is.
bool is_access(Opcode opcode) noexcept;

} // namespace gmem::kvm::scripted
