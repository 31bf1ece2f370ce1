#pragma once
// What a version of the proposal says about the call itself: one row a version. What it says about a platform's pages is support.hpp.
// Sources: guest_memfd specification 0.1, 2.2, 2.6; platform-models.md 6 and 7.6. docs/profiles.md has the quarrels.

#include "platform/uapi.hpp"

namespace gmem::platform {

// The meaning of the bits of `flags`. The same bit means the same wherever it exists; the February mail has an enumeration and no numbers,
// where 0 must stay "no policy given": assumption: its policies are bits too, ZERO and READABLE where the RFC has ZERO and PRESERVE.
inline constexpr std::uint64_t flag_zero { 1u << 0 };
inline constexpr std::uint64_t flag_preserve { 1u << 1 };
inline constexpr std::uint64_t flag_encrypted { 1u << 2 };

// The meaning of the capabilities 248 to 250.
enum class Numbering : std::uint8_t {
    merged, // v6 and after: 250 is GUEST_MEMFD_MEMORY_ATTRIBUTES
    rfc     // v3 to v5: 248 MEMORY_ATTRIBUTES2, 249 GUEST_MEMFD_MEMORY_ATTRIBUTES, 250 MEMORY_ATTRIBUTES2_FLAGS
};

// What flags == 0 is in the February proposal: its author says EINVAL, its reviewer ZERO.
enum class NoPolicy : std::uint8_t { zero, refused };

struct Profile final {
    Uapi uapi;
    std::uint64_t flags;                        // those that exist; two at once, or another one: EINVAL
    std::optional<ContentMode> without_flags;   // flags == 0; nullopt: EINVAL
    bool error_offset_zero_on_entry;            // else EINVAL; false: not looked at
    bool applies_to_unchanged;                  // support check, and effect on all of the range, also where no attribute changes; false: return 0 early
    Numbering capabilities;
    std::uint64_t announced_modes;              // capability 250 of Numbering::rfc
    bool early_fault_bugs_vm;                   // a VM with a launch that faults a guest_memfd before its end is bugged: EFAULT
    unsigned capability { 250 };                // of Numbering::merged: the number of GUEST_MEMFD_MEMORY_ATTRIBUTES, which moved at every rebase (0.1)

    static Profile of(Uapi) noexcept;
    constexpr Profile with(NoPolicy p) const noexcept
    {
        auto changed { *this };
        if (uapi == Uapi::feb)
            changed.without_flags = p == NoPolicy::zero ? std::optional { ContentMode::zero } : std::nullopt;
        return changed;
    }

    static constexpr unsigned most_capability { 9999 };
    constexpr Profile with_capability(unsigned number) const noexcept
    {
        auto changed { *this };
        changed.capability = number;
        return changed;
    }

    // The process's. Chosen once, before the first VM; mainline where nobody chooses.
    static Profile current() noexcept;
    static void choose(Profile) noexcept;

    // What the caller asks for; nullopt: EINVAL.
    constexpr std::optional<ContentMode> mode_of(std::uint64_t raw_flags) const noexcept
    {
        if (raw_flags == 0)
            return without_flags;
        if (raw_flags & ~flags)
            return std::nullopt;
        switch (raw_flags) {
        case flag_zero:      return ContentMode::zero;
        case flag_preserve:  return ContentMode::preserve;
        case flag_encrypted: return ContentMode::encrypted;
        default:             return std::nullopt; // two at once
        }
    }
};

// How a caller asks for `m`; 0 for unspecified.
constexpr std::uint64_t flags_of(ContentMode m) noexcept
{
    switch (m) {
    case ContentMode::unspecified: return 0;
    case ContentMode::zero:        return flag_zero;
    case ContentMode::preserve:    return flag_preserve;
    case ContentMode::encrypted:   return flag_encrypted;
    }
    __builtin_unreachable();
}

} // namespace gmem::platform
