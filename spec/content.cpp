#include "spec/content.hpp"

#include <cerrno>

namespace gmem::spec {
namespace {

constexpr int works { 0 };

bool without_modes(Profile p) { return p == Profile::mainline || p == Profile::v8; }

// 7.6 (1): ZERO to private is refused by v4 and v5 on every platform.
int zero_to_private(Profile p) { return p == Profile::rfc_v4 || p == Profile::rfc_v5 ? EOPNOTSUPP : works; }

// 7.1
int snp_preserve(Profile p, Direction d, Launch l)
{
    switch (p) {
    case Profile::feb:    return EOPNOTSUPP; // READABLE never
    case Profile::rfc_v4: return works;
    case Profile::rfc_v5: return d == Direction::to_private && l == Launch::under_way ? works : EOPNOTSUPP;
    default:              return works; // 1 May: only TDX refuses
    }
}

// 7.2
int tdx_preserve(Profile p, Direction d, Launch l)
{
    if (p == Profile::feb)
        return EOPNOTSUPP;
    if (d == Direction::to_shared)
        return p == Profile::rfc_v4 ? works : EOPNOTSUPP; // [S-v4]'s generic text says both directions
    return p == Profile::rfc_v5 && l == Launch::finished ? EOPNOTSUPP : works;
}

// 7.4: by analogy with TDX wherever nobody speaks of it
int cca_preserve(Profile p, Direction d, Launch l) { return tdx_preserve(p, d, l); }

} // namespace

std::optional<Mode> mode_of(Profile profile, std::uint64_t flags)
{
    if (flags == 0)
        return profile == Profile::feb ? Mode::zero : Mode::unspecified; // 7.6 (4); Fuad's side of the quarrel
    if (without_modes(profile))
        return std::nullopt; // 7.6 (5)
    if (flags == 1)
        return Mode::zero;
    if (flags == 2)
        return Mode::preserve;
    if (flags == 4 && profile == Profile::feb)
        return Mode::encrypted;
    return std::nullopt; // 2.6: unknown, or two together
}

int content_errno(Profile profile, Platform platform, Direction direction, Mode mode, Launch launch)
{
    if (without_modes(profile))
        return mode == Mode::unspecified ? works : EINVAL;
    switch (mode) {
    case Mode::unspecified:
        return works;
    case Mode::encrypted:
        return profile == Profile::feb ? EOPNOTSUPP : EINVAL;
    case Mode::zero:
        return direction == Direction::to_shared ? works : zero_to_private(profile);
    case Mode::preserve:
        break;
    }
    switch (platform) {
    case Platform::snp:          return snp_preserve(profile, direction, launch);
    case Platform::tdx:          return tdx_preserve(profile, direction, launch);
    case Platform::cca:          return cca_preserve(profile, direction, launch);
    case Platform::pkvm:         return works; // 7.3, when the guest has asked
    case Platform::sw_protected: return works; // 7.5
    }
    __builtin_unreachable();
}

Touch touch(Profile profile, Platform platform, Direction direction, Mode mode, Launch launch)
{
    if (content_errno(profile, platform, direction, mode, launch) != works)
        return Touch::nothing;
    if (mode == Mode::zero || (mode == Mode::unspecified && profile == Profile::feb))
        return Touch::zeroes;
    bool const rfc { profile == Profile::may1 || profile == Profile::rfc_v5 || profile == Profile::rfc_v4 };
    return mode == Mode::unspecified && platform == Platform::sw_protected && rfc ? Touch::scrambles : Touch::nothing;
}

bool firmware_changes_bytes(Platform platform) { return platform == Platform::snp || platform == Platform::tdx || platform == Platform::cca; }

bool error_offset_must_be_zero(Profile profile) { return !without_modes(profile); }
bool mode_counts_without_change(Profile profile) { return !without_modes(profile); }

} // namespace gmem::spec
