#pragma once
// One entry of the reverse map table (RMP): what the hardware knows of one page of the machine. The fields are those of the Zen 3 and Zen 4
// entry by name (platform-models.md 1.1, from the firmware's sev_rmp.h); the layout is our own, since the vendor's is model-specific.
// All zero: a page of the hypervisor.
//
// A 2 MiB entry is 512 records, each complete: page_size is large in all of them, and each has its own frame. So the state of any page is
// in its own record, and PSMASH changes nothing but page_size. What keeps the 512 alike is Rmp (rmp.hpp), through which every
// instruction goes.

#include "platform/record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace gmem::platform::snp {

enum class PageSize : bool { small, large }; // 4 KiB, 2 MiB
inline constexpr std::uint64_t pages_per_large { 512 };
constexpr std::uint64_t pages_in(PageSize s) noexcept { return s == PageSize::large ? pages_per_large : 1; }

inline constexpr std::uint64_t most_frame { (std::uint64_t { 1 } << 39) - 1 }; // the field is 39 bits wide
inline constexpr std::uint16_t most_asid { (1 << 10) - 1 };                    // the field is 10 bits wide

// What a privilege level of the guest may do with a page. VMPL0 is the highest level.
namespace permission {
inline constexpr std::uint8_t read { 1 }, write { 2 }, execute_user { 4 }, execute_supervisor { 8 }, shadow_stack { 16 }, all { 31 };
}
inline constexpr std::size_t privilege_levels { 4 };
using Permissions = std::array<std::uint8_t, privilege_levels>;
inline constexpr Permissions fresh_permissions { permission::all, 0, 0, 0 }; // (mem) VMPL0 everything, the others nothing

struct RmpEntry final {
    std::uint64_t frame { 0 }; // the guest's: gpa >> 12
    std::uint16_t asid { 0 };
    Permissions permissions {};
    bool assigned : 1 { false };
    bool large : 1 { false }; // part of a 2 MiB entry
    bool immutable : 1 { false };
    bool vmsa : 1 { false };
    bool validated : 1 { false };
    bool lock : 1 { false }; // another processor is at it
    bool unused1 : 1 { false }, unused2 : 1 { false };
    std::uint8_t unused3 { 0 };

    PageSize page_size() const noexcept { return large ? PageSize::large : PageSize::small; }

    friend constexpr bool operator==(RmpEntry const &, RmpEntry const &) = default;
};
static_assert(sizeof(RmpEntry) == sizeof(Record));

// The states of a page. Each is a function of the entry's fields (SNP firmware ABI, "Page states").
enum class PageState : std::uint8_t { hypervisor, hv_fixed, reclaim, firmware, context, metadata, pre_guest, pre_swap, guest_invalid, guest_valid };
inline constexpr std::size_t page_states { 10 };

struct StateRow final {
    enum class Is : std::uint8_t { zero, set, any };
    enum class Bytes : std::uint8_t { as_they_are, the_guests };

    PageState state;
    char const *name;
    Is assigned, validated, asid, immutable, frame, vmsa;
    Bytes bytes; // what the page's memory holds in this model: what its present owner reads
};

inline constexpr std::array<StateRow, page_states> state_rows { {
    // state                    name             assigned            validated           asid                immutable           gpa                 vmsa               bytes
    { PageState::hypervisor,    "HYPERVISOR",    StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::any,  StateRow::Is::any,  StateRow::Bytes::as_they_are },
    { PageState::hv_fixed,      "HV_FIXED",      StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::set,  StateRow::Is::any,  StateRow::Is::any,  StateRow::Bytes::as_they_are },
    { PageState::reclaim,       "RECLAIM",       StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::any,  StateRow::Is::any,  StateRow::Bytes::as_they_are },
    { PageState::firmware,      "FIRMWARE",      StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::zero, StateRow::Bytes::as_they_are },
    { PageState::context,       "CONTEXT",       StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::set,  StateRow::Bytes::as_they_are },
    { PageState::metadata,      "METADATA",      StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::zero, StateRow::Is::set,  StateRow::Is::set,  StateRow::Is::any,  StateRow::Bytes::as_they_are },
    { PageState::pre_guest,     "PRE_GUEST",     StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::set,  StateRow::Is::set,  StateRow::Is::any,  StateRow::Is::zero, StateRow::Bytes::as_they_are },
    { PageState::pre_swap,      "PRE_SWAP",      StateRow::Is::set,  StateRow::Is::set,  StateRow::Is::set,  StateRow::Is::set,  StateRow::Is::any,  StateRow::Is::any,  StateRow::Bytes::the_guests },
    { PageState::guest_invalid, "GUEST_INVALID", StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::any,  StateRow::Is::any,  StateRow::Bytes::the_guests },
    { PageState::guest_valid,   "GUEST_VALID",   StateRow::Is::set,  StateRow::Is::set,  StateRow::Is::set,  StateRow::Is::zero, StateRow::Is::any,  StateRow::Is::any,  StateRow::Bytes::the_guests },
} };

constexpr StateRow const &row_of(PageState s) noexcept { return state_rows[static_cast<std::size_t>(s)]; }

// nullopt: a combination of fields that no page can have.
constexpr std::optional<PageState> state_of(RmpEntry const &e) noexcept
{
    constexpr auto fits { [](StateRow::Is want, bool is) noexcept { return want == StateRow::Is::any || (want == StateRow::Is::set) == is; } };
    for (auto const &row : state_rows)
        if (fits(row.assigned, e.assigned) && fits(row.validated, e.validated) && fits(row.asid, e.asid != 0) && fits(row.immutable, e.immutable)
            && fits(row.frame, e.frame != 0) && fits(row.vmsa, e.vmsa))
            return row.state;
    return std::nullopt;
}

// nullptr: an entry that the instructions and the firmware can leave behind. Otherwise what is wrong with it:
//   R1  its fields make a state.
//   R2  gpa and asid fit their fields, and an unassigned entry has neither gpa, asid, vmsa nor permissions.
//   R3  VMPL0 may do everything on a guest's page, and nobody has permissions on any other.
//   R4  a VMSA is 4 KiB, and so is an unassigned page.
//   R5  no bit is set that has no name.
char const *audit(RmpEntry const &) noexcept;

// Sanity checks
static_assert([] {
    for (std::size_t i { 0 }; i < state_rows.size(); ++i)
        if (state_rows[i].state != static_cast<PageState>(i))
            return false;
    return true;
}());
static_assert(state_of({}) == PageState::hypervisor, "a zeroed record is the hypervisor's");
static_assert(state_of({ .asid = 1 }) == std::nullopt && state_of({ .validated = true }) == std::nullopt);

} // namespace gmem::platform::snp
