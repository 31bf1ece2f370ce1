#pragma once
// What each call makes of a Secure-EPT entry: the table of platform-models.md 2.1. A pair without row is TDX_EPT_ENTRY_STATE_INCORRECT.

#include "platform/tdx/entry.hpp"
#include "platform/tdx/status.hpp"

#include <array>

namespace gmem::platform::tdx {

// PAGE.REMOVE is two: before FINALIZE a page may go without BLOCK and TRACK.
enum class Change : std::uint8_t { sept_add, sept_remove, page_add, extend, aug, accept, block, unblock, remove, early_remove, demote, promote };
inline constexpr std::size_t change_count { static_cast<std::size_t>(Change::promote) + 1 };

struct Transition final {
    Change change;
    Entry from, to;
    Seam status { Seam::success };
};

// Of demote: what the 512 entries become. Of promote: what the entry may be before, the large leaf takes the state of its 512 entries.
inline constexpr Transition transitions[] {
    { Change::sept_add, Entry::free, Entry::nl_mapped },

    { Change::sept_remove, Entry::nl_blocked, Entry::free }, // assumption: as PAGE.REMOVE, for an empty Secure-EPT page
    { Change::sept_remove, Entry::nl_mapped, Entry::nl_mapped, Seam::gpa_range_not_blocked },

    { Change::page_add, Entry::free, Entry::mapped },

    { Change::extend, Entry::mapped, Entry::mapped },

    { Change::aug, Entry::free, Entry::pending },
    { Change::aug, Entry::removed, Entry::pending },

    { Change::accept, Entry::pending, Entry::mapped },
    { Change::accept, Entry::pending_exported_dirty, Entry::exported_dirty }, // assumption: only the pending bit goes
    { Change::accept, Entry::mapped, Entry::mapped, Seam::page_already_accepted },
    { Change::accept, Entry::exported_dirty, Entry::exported_dirty, Seam::page_already_accepted }, // assumption
    { Change::accept, Entry::nl_mapped, Entry::nl_mapped, Seam::page_size_mismatch },
    { Change::accept, Entry::free, Entry::free, Seam::ept_violation },
    { Change::accept, Entry::removed, Entry::removed, Seam::ept_violation },
    { Change::accept, Entry::nl_blocked, Entry::nl_blocked, Seam::ept_violation },
    { Change::accept, Entry::blocked, Entry::blocked, Seam::ept_violation },
    { Change::accept, Entry::pending_blocked, Entry::pending_blocked, Seam::ept_violation },

    { Change::block, Entry::mapped, Entry::blocked },
    { Change::block, Entry::pending, Entry::pending_blocked },
    { Change::block, Entry::blockedw, Entry::blocked },
    { Change::block, Entry::pending_blockedw, Entry::pending_blocked },
    { Change::block, Entry::nl_mapped, Entry::nl_blocked },
    { Change::block, Entry::blocked, Entry::blocked, Seam::gpa_range_already_blocked },
    { Change::block, Entry::pending_blocked, Entry::pending_blocked, Seam::gpa_range_already_blocked },
    { Change::block, Entry::nl_blocked, Entry::nl_blocked, Seam::gpa_range_already_blocked },

    { Change::unblock, Entry::nl_blocked, Entry::nl_mapped },
    { Change::unblock, Entry::blocked, Entry::mapped },
    { Change::unblock, Entry::pending_blocked, Entry::pending },
    { Change::unblock, Entry::nl_mapped, Entry::nl_mapped, Seam::gpa_range_not_blocked }, // assumption: of these three, the name of the refusal
    { Change::unblock, Entry::mapped, Entry::mapped, Seam::gpa_range_not_blocked },
    { Change::unblock, Entry::pending, Entry::pending, Seam::gpa_range_not_blocked },

    { Change::remove, Entry::blocked, Entry::free },
    { Change::remove, Entry::pending_blocked, Entry::free },
    { Change::remove, Entry::mapped, Entry::mapped, Seam::gpa_range_not_blocked },
    { Change::remove, Entry::pending, Entry::pending, Seam::gpa_range_not_blocked },

    { Change::early_remove, Entry::blocked, Entry::free },
    { Change::early_remove, Entry::pending_blocked, Entry::free },
    { Change::early_remove, Entry::mapped, Entry::free },
    { Change::early_remove, Entry::pending, Entry::free },

    { Change::demote, Entry::mapped, Entry::mapped },
    { Change::demote, Entry::blocked, Entry::mapped }, // assumption: the block ends with the large entry
    { Change::demote, Entry::pending, Entry::pending },
    { Change::demote, Entry::pending_blocked, Entry::pending }, // assumption, the same

    { Change::promote, Entry::nl_mapped, Entry::free },
    { Change::promote, Entry::nl_blocked, Entry::free },
};

struct Outcome final {
    Seam status;
    Entry to; // where status is success
};

namespace detail {
inline constexpr auto outcomes { [] {
    std::array<std::array<Outcome, entry_count>, change_count> all {};
    for (auto &row : all) // said outright: GCC 12 emits zeros for elements that only a default member initializer has set
        row.fill({ Seam::ept_entry_state_incorrect, Entry::free });
    for (auto const &t : transitions)
        all[static_cast<std::size_t>(t.change)][index_of(t.from)] = { t.status, t.to };
    return all;
}() };
}

constexpr Outcome outcome(Change c, Entry from) noexcept { return detail::outcomes[static_cast<std::size_t>(c)][index_of(from)]; }

// Sanity checks
static_assert([] {
    int legal { 0 };
    for (auto const &row : detail::outcomes)
        for (auto const &o : row)
            legal += o.status == Seam::success;
    return legal;
}() == 28); // every edge is counted once
static_assert(outcome(Change::aug, Entry::mapped).status != Seam::success, "a page that the TD uses is not given to it again");
static_assert(outcome(Change::remove, Entry::mapped).status != Seam::success, "a page that a TLB may still reach does not go back to the host");
static_assert([] {
    for (auto const &row : entries)
        if (!empty(row.entry) && outcome(Change::page_add, row.entry).status == Seam::success)
            return false;
    return true;
}(), "only an empty entry takes a page of the launch");

} // namespace gmem::platform::tdx
