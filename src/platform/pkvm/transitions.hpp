#pragma once
// What the host and the guests may ask of EL2 for one page, as one table: every call in every state. platform-models.md 3.1.

#include "platform/pages.hpp"
#include "platform/pkvm/page_state.hpp"

#include <cstddef>
#include <cstdint>

namespace gmem::platform::pkvm {

enum class Call : std::uint8_t {
    host_share_hyp,
    host_unshare_hyp,
    host_donate_guest,        // on a protected guest's fault
    host_share_guest,         // on the fault of a guest that is not protected
    host_unshare_guest,
    guest_share_host,         // MEM_SHARE
    guest_unshare_host,       // MEM_UNSHARE
    guest_relinquish,         // MEM_RELINQUISH (Android)
    host_reclaim_page_guest,  // teardown
    force_reclaim_page_guest, // the host touched a page that is not its own
};
inline constexpr std::size_t calls { 10 };

// What happens to the page's bytes.
enum class Content : std::uint8_t { kept, wiped };

// One cell: the state afterwards, or an errno (positive) and nothing changes.
struct Cell final {
    int error;
    State next;
    Content content;
};
Cell const &cell(Call, State) noexcept;

// Circumstances of a call that are not the page's.
struct Caller final {
    std::uint16_t handle;         // the VM in question
    std::uint64_t frame;          // its frame, below most_frames
    bool memcache { true };       // the host has topped up the pages that EL2 makes tables of. Without: donate and share_guest are ENOMEM
    bool block_mapping { false }; // the guest's entry maps 2 MiB or more: MEM_SHARE and MEM_UNSHARE are E2BIG
    bool dying { false };         // the VM is being torn down: host_reclaim_page_guest is EPERM before
};

// One call for one page. 0, or an errno (positive) and nothing has changed:
//   EPERM       the page is not in a state for it, or it is another's
//   ENOENT      guest calls: this guest has no page there. The host maps one, and the guest tries again
//   EHWPOISON   guest calls: the host took the page
//   E2BIG       guest calls: the entry is a block
//   ENOMEM      no memcache
//   EAGAIN      force_reclaim_page_guest: somebody else was faster, the page is no guest's private page (any more)
//   EINVAL      the frame does not fit into an annotation
[[nodiscard]] int apply(Pages &, PageNo, Call, Caller const &) noexcept;

} // namespace gmem::platform::pkvm
