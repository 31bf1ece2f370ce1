#pragma once
// Which call takes a page of a guest from which state to which. What a refused call returns is in instructions.hpp and firmware_pages.hpp;
// here is only whether it happens. platform-models.md 1.2 and 1.5.

#include "platform/snp/rmp_entry.hpp"

namespace gmem::platform::snp {

enum class Event : std::uint8_t {
    to_hypervisor, // RMPUPDATE: unassigned
    to_reclaim,    // RMPUPDATE: assigned to nobody
    to_firmware,   // RMPUPDATE: assigned to nobody, immutable
    to_pre_guest,  // RMPUPDATE: a guest's, immutable
    to_guest,      // RMPUPDATE: a guest's
    validate,      // PVALIDATE, RDX = 1
    rescind,       // PVALIDATE, RDX = 0
    launch_update, // SNP_LAUNCH_UPDATE
    page_reclaim,  // SNP_PAGE_RECLAIM
};
inline constexpr std::size_t events { 9 };

// A page's next state, or none: refused.
using Next = std::optional<PageState>;

namespace transitions {
using enum PageState;
inline constexpr Next no { std::nullopt };
inline constexpr std::array<std::array<Next, events>, page_states> table { {
    // RMPUPDATE refuses an immutable entry; nothing but the firmware makes HV_FIXED, CONTEXT, METADATA and PRE_SWAP.
    //                   hypervisor   reclaim   firmware   pre_guest   guest           validate     rescind         launch_update  page_reclaim
    /* HYPERVISOR    */ { { hypervisor, reclaim, firmware, pre_guest,  guest_invalid,  no,          no,             no,            hypervisor } },
    /* HV_FIXED      */ { { no,         no,      no,       no,         no,             no,          no,             no,            no } },
    /* RECLAIM       */ { { hypervisor, reclaim, firmware, pre_guest,  guest_invalid,  no,          no,             no,            reclaim } },
    /* FIRMWARE      */ { { no,         no,      no,       no,         no,             no,          no,             no,            reclaim } },
    /* CONTEXT       */ { { no,         no,      no,       no,         no,             no,          no,             no,            no } },
    /* METADATA      */ { { no,         no,      no,       no,         no,             no,          no,             no,            reclaim } },
    /* PRE_GUEST     */ { { no,         no,      no,       no,         no,             no,          no,             guest_valid,   guest_invalid } },
    /* PRE_SWAP      */ { { no,         no,      no,       no,         no,             no,          no,             no,            guest_valid } },
    /* GUEST_INVALID */ { { hypervisor, reclaim, firmware, pre_guest,  guest_invalid,  guest_valid, guest_invalid,  no,            guest_invalid } },
    /* GUEST_VALID   */ { { hypervisor, reclaim, firmware, pre_guest,  guest_invalid,  guest_valid, guest_invalid,  no,            guest_valid } },
} };
} // namespace transitions

constexpr Next next(PageState s, Event e) noexcept { return transitions::table[static_cast<std::size_t>(s)][static_cast<std::size_t>(e)]; }

// Sanity checks
static_assert([] { // every edge counted once: a new one forces you here
    int legal { 0 };
    for (auto const &row : transitions::table)
        for (auto const &to : row)
            legal += to.has_value();
    return legal;
}() == 33);
static_assert([] {
    for (auto const &row : transitions::table)
        for (std::size_t e { 0 }; e <= static_cast<std::size_t>(Event::to_guest); ++e)
            if (row[e] == PageState::guest_valid)
                return false;
    return true;
}(), "only the guest and the launch make a page valid: no host instruction does");
static_assert([] {
    for (std::size_t s { 0 }; s < page_states; ++s)
        if (transitions::table[s][static_cast<std::size_t>(Event::launch_update)] && static_cast<PageState>(s) != PageState::pre_guest)
            return false;
    return true;
}(), "only a page that the host can no longer change is measured");

} // namespace gmem::platform::snp
