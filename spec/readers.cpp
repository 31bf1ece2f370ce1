// Who reads what after a conversion: platform-models.md 7.1 to 7.5, the letters G and H of its cells.

#include "spec/content.hpp"

namespace gmem::spec {
namespace {

// The call was refused: the page is what it was.
Readers unchanged(Platform platform, Direction direction, Launch launch)
{
    if (direction == Direction::to_private)
        return { Reads::host_bytes, Reads::host_bytes };
    bool const unused { firmware_changes_bytes(platform) && launch == Launch::under_way };
    return { Reads::sigbus, unused ? Reads::nobody : Reads::guest_bytes };
}

// Bytes that guest_memfd has not touched, as the guest finds them in a page that has become private.
Reads entering(Platform platform, Launch launch, bool promised)
{
    switch (platform) {
    case Platform::sw_protected:
    case Platform::pkvm:
        return Reads::host_bytes;
    case Platform::snp:
    case Platform::tdx:
    case Platform::cca:
        break;
    }
    if (launch == Launch::under_way)
        return promised ? Reads::host_bytes : Reads::undefined;
    return platform == Platform::snp ? Reads::noise : Reads::zeros; // Dec(what the host wrote); ACCEPT zeroes; a new granule
}

// The same for both readers of a page that has become shared.
Reads leaving(Platform platform, Launch launch)
{
    switch (platform) {
    case Platform::sw_protected:
    case Platform::pkvm:
        return Reads::guest_bytes;
    case Platform::snp:
    case Platform::tdx:
    case Platform::cca:
        break;
    }
    if (launch == Launch::under_way)
        return Reads::host_bytes; // the trusted side has never had it
    return platform == Platform::snp ? Reads::noise : Reads::zeros; // Enc(what the guest wrote); removed; undelegated
}

// 7.1: Dec(0) is noise too, unless the page is loaded.
Reads zeroed_entering(Platform platform, Launch launch) { return platform == Platform::snp && launch == Launch::finished ? Reads::noise : Reads::zeros; }

} // namespace

Readers readers_after(Profile profile, Platform platform, Direction direction, Mode mode, Launch launch)
{
    if (content_errno(profile, platform, direction, mode, launch) != 0)
        return unchanged(platform, direction, launch);
    bool const to_private { direction == Direction::to_private };
    auto found { Reads::undefined };
    switch (touch(profile, platform, direction, mode, launch)) {
    case Touch::scrambles:
        found = Reads::random; // SW_PROTECTED alone
        break;
    case Touch::zeroes:
        found = to_private ? zeroed_entering(platform, launch) : Reads::zeros;
        break;
    case Touch::nothing: {
        // v8 loads in place after a conversion without a mode: what the host wrote has to be there.
        bool const promised { mode == Mode::preserve || profile == Profile::mainline || profile == Profile::v8 };
        found = to_private ? entering(platform, launch, promised) : leaving(platform, launch);
        break;
    }
    }
    return { to_private ? Reads::sigbus : found, found };
}

} // namespace gmem::spec
