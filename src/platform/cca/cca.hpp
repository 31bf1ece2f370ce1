#pragma once
// Arm CCA: realm memory is delegated to the RMM, granule by granule, and the granule protection table keeps the host out.
// platform-models.md 4.
//
// A page is held while its granule is delegated. Delegating and mapping gives the guest zeros; giving back wipes; a page that was never
// delegated keeps the host's bytes, whatever its attribute was. The realm's view (RIPAS) stays with the page's IPA: after a page
// was taken away the guest finds DESTROYED until it asks for RAM again.

#include "platform/platform.hpp"

namespace gmem::platform {

class Cca final : public Platform {
public:
    Kind kind() const noexcept override { return Kind::cca; }
    bool keeps_records() const noexcept override { return true; }
    bool encrypts() const noexcept override { return false; }

    Status veto(Pages const &, PageRange, Attribute, std::uint64_t) const noexcept override { return Ok {}; }
    void make_shared(Pages &, PageRange held) const noexcept override; // DATA_DESTROY, GRANULE_UNDELEGATE
    // GRANULE_DELEGATE, DATA_CREATE_UNKNOWN. EINVAL: no frame. ENXIO: the RMM refuses, as when the page is mapped elsewhere.
    Status make_private(Pages &, PageNo, std::uint64_t frame) const noexcept override;
    // RSI_IPA_STATE_SET to RAM with CHANGE_DESTROYED, and a host that agrees. Nothing while the page is mapped elsewhere.
    void accept(Pages &, PageNo, std::uint64_t frame) const noexcept override;
    // KVM destroys the data of a memslot that goes, and takes the granules back.
    void unmap(Pages &, PageNo, std::uint64_t frame) const noexcept override;
    void reclaim(Pages &, PageRange held) const noexcept override;

    bool held(Record const &) const noexcept override;
    HostVerdict host_access(Pages const &, PageNo, Access) const noexcept override;
    // Side::shared is the unprotected alias; KVM maps that by itself where the granule is the host's.
    GuestVerdict guest_access(Pages const &, PageNo, std::uint64_t frame, Side, Access) const noexcept override;
    void read_ciphertext(Pages const &, PageNo, std::byte *) const noexcept override {} // no access ends in ciphertext
    char const *state_name(Record const &) const noexcept override;
    char const *audit(Record const &) const noexcept override;
};

} // namespace gmem::platform
