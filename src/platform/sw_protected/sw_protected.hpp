#pragma once
// KVM_X86_SW_PROTECTED_VM: the platform without hardware. Nothing is refused, nothing is remembered, and no byte changes in either direction
// (guest_memfd specification 2.6, row SW_PROTECTED_VM; platform-models.md 5).

#include "platform/platform.hpp"

namespace gmem::platform {

class SwProtected final : public Platform {
public:
    Kind kind() const noexcept override { return Kind::sw_protected; }
    bool keeps_records() const noexcept override { return false; }
    bool encrypts() const noexcept override { return false; }
    Status veto(Pages const &, PageRange, Attribute, std::uint64_t) const noexcept override { return Ok {}; }
    void make_shared(Pages &, PageRange) const noexcept override {}
    Status make_private(Pages &, PageNo, std::uint64_t) const noexcept override { return Ok {}; }
    void accept(Pages &, PageNo, std::uint64_t) const noexcept override {}
    void unmap(Pages &, PageNo, std::uint64_t) const noexcept override {}
    void reclaim(Pages &, PageRange) const noexcept override {}
    bool held(Record const &) const noexcept override { return false; }
    HostVerdict host_access(Pages const &, PageNo, Access) const noexcept override { return {}; }
    GuestVerdict guest_access(Pages const &, PageNo, std::uint64_t, Side, Access) const noexcept override { return {}; }
    void read_ciphertext(Pages const &, PageNo, std::byte *) const noexcept override {} // no access ends in ciphertext
    char const *state_name(Record const &) const noexcept override { return "HOST"; }
    char const *audit(Record const &r) const noexcept override { return r == Record {} ? nullptr : "a page of sw_protected has a record"; }
};

} // namespace gmem::platform
