#pragma once
// What EL2 knows of one page. The host's side of it is its page state and, for a page that is a guest's, the annotation in the host's
// stage-2 table: {VM handle, frame}. The guest's side is the entry of its own stage-2 table. platform-models.md 3.1 (mem_protect.c).
//
// Invariants (audit):
//   P1  handle and frame are set if and only if a guest has, or has had, the page: neither in host_owned nor in shared_with_hyp.
//   P2  shares is not 0 if and only if the page is lent to a guest.

#include <cstddef>
#include <cstdint>

namespace gmem::platform::pkvm {

// Page states as one owner sees them. `poison` exists only in a guest's table.
enum class Owner : std::uint8_t { owned, shared_owned, shared_borrowed, nopage, poison };

// Both sides at once: EL2 can reach no other pair. Zero is a page of the host.
enum class State : std::uint8_t {
    host_owned,               // never a guest's, or given back
    shared_with_hyp,          // the host has lent it to EL2
    guest_owned,              // donated: private
    shared_by_guest,          // MEM_SHARE: the guest's, and the host may use it
    lent_to_guest,            // to a guest that is not protected: the host's, counted
    poisoned,                 // taken from a guest by force: the host's, and the guest's next access is its last
    poisoned_shared_with_hyp, // the same, lent to EL2 afterwards
};
inline constexpr std::size_t states { 7 };

struct Sides final {
    Owner host, guest;
    char const *name;
};
inline constexpr Sides sides_of[states] {
    { Owner::owned,           Owner::nopage,          "OWNED" },
    { Owner::shared_owned,    Owner::nopage,          "SHARED_OWNED/HYP" },
    { Owner::nopage,          Owner::owned,           "NOPAGE/OWNED" },
    { Owner::shared_borrowed, Owner::shared_owned,    "SHARED_BORROWED/SHARED_OWNED" },
    { Owner::shared_owned,    Owner::shared_borrowed, "SHARED_OWNED/SHARED_BORROWED" },
    { Owner::owned,           Owner::poison,          "OWNED/POISON" },
    { Owner::shared_owned,    Owner::poison,          "SHARED_OWNED/HYP/POISON" },
};
constexpr Sides const &sides(State s) noexcept { return sides_of[static_cast<std::size_t>(s)]; }

inline constexpr std::uint64_t most_frames { std::uint64_t { 1 } << 40 }; // the annotation has 40 bits for the frame

// The record of a page.
struct PageState final {
    State state;
    std::uint8_t unused;
    std::uint16_t handle; // of the VM; 0: none
    std::uint32_t shares; // how many guest mappings have borrowed it
    std::uint64_t frame;  // where the guest has it, below most_frames

    friend constexpr bool operator==(PageState, PageState) = default;
};
static_assert(sizeof(PageState) == 16);

} // namespace gmem::platform::pkvm
