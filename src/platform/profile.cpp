#include "platform/profile.hpp"

#include <algorithm>

namespace gmem::platform {
namespace {

constexpr std::uint64_t rfc_flags { flag_zero | flag_preserve };
constexpr std::optional unspecified { ContentMode::unspecified };
constexpr std::optional zero { ContentMode::zero };

// Assumptions: may1 is a reply to v5 and keeps what it does not speak of; feb has of the series of its days (v3) what the mail leaves open, and
// announces what it wants to land first: ENCRYPTED is "not a valid option" then, yet answered EOPNOTSUPP in the mail's lists, not EINVAL.
constexpr std::array rows {
    //        version         flags                       flags == 0   offset 0  unchanged  capabilities       modes      early fault
    Profile { Uapi::mainline, 0,                          unspecified, false,    false,     Numbering::merged, 0,         false },
    Profile { Uapi::v8,       0,                          unspecified, false,    false,     Numbering::merged, 0,         false },
    Profile { Uapi::may1,     rfc_flags,                  unspecified, true,     true,      Numbering::rfc,    rfc_flags, true },
    Profile { Uapi::rfc_v5,   rfc_flags,                  unspecified, true,     true,      Numbering::rfc,    rfc_flags, true },
    Profile { Uapi::rfc_v4,   rfc_flags,                  unspecified, true,     true,      Numbering::rfc,    rfc_flags, false },
    Profile { Uapi::feb,      rfc_flags | flag_encrypted, zero,        true,     true,      Numbering::rfc,    rfc_flags, false },
};

// Sanity checks
static_assert(std::ranges::equal(rows, all_uapis, {}, &Profile::uapi));
static_assert(rows[0].mode_of(0) == ContentMode::unspecified && !rows[0].mode_of(1) && !rows[1].mode_of(1ull << 63));

constinit Profile chosen { rows[0] };

} // namespace

Profile Profile::of(Uapi u) noexcept { return rows[static_cast<std::size_t>(u)]; }
Profile Profile::current() noexcept { return chosen; }
void Profile::choose(Profile p) noexcept { chosen = p; }

} // namespace gmem::platform
