#pragma once
// pKVM: a hypervisor (EL2) between host and guest, no encryption. A private page is missing from the host's stage-2 table; its bytes are
// never touched on the way between the two, and wiped when the host takes it without the guest's word. platform-models.md 3.
//
// A page is held while the guest has it to itself. One that the guest shares is not: the host may use it, though EL2 knows whose it is.
//
// Conversion to shared of a page that the guest still has to itself:
//   a request for it is pending      what its MEM_SHARE does, kept
//   Options::pkvm_unsolicited        allowed      as the host's first access to it: wiped, and the guest's entry is poisoned. (With
//                                                 pkvm_bad_access panic the host would not live to read it: host_access says so before.)
//                                    refused      EPERM, nothing changed
//                                    destructive  wiped, the host's; the guest may get it again

#include "platform/platform.hpp"

namespace gmem::platform {

class Pkvm final : public Platform {
public:
    Kind kind() const noexcept override { return Kind::pkvm; }
    bool keeps_records() const noexcept override { return true; }
    bool encrypts() const noexcept override { return false; }

    // EPERM: nobody asked, and that is refused. No source names an errno. EPERM is what EL2 itself answers to a host that
    // wants a page that is not its own, and no other failure of the conversion has it: EAGAIN would be tried again.
    Status veto(Pages const &, PageRange, Attribute to, std::uint64_t first_frame) const noexcept override;
    void make_shared(Pages &, PageRange held) const noexcept override;
    void asked_for(Pages &, PageRange, Attribute to) const noexcept override;
    Solicited solicited(Pages const &, PageRange, Attribute to) const noexcept override;
    void converted(Pages &, PageRange, Attribute to, Solicited) const noexcept override;
    // host_donate_guest; nothing where the guest has the page already, shared or not (with PkvmUnshare::after_conversion: it is shared no longer). EHWPOISON: the host took it from the guest by force.
    // EPERM: it is elsewhere in the guest, or lent to EL2. EINVAL: no frame.
    Status make_private(Pages &, PageNo, std::uint64_t frame) const noexcept override;
    void accept(Pages &, PageNo, std::uint64_t frame) const noexcept override; // MEM_UNSHARE of what it shares
    void unmap(Pages &, PageNo, std::uint64_t) const noexcept override {} // assumption: EL2 knows nothing of memslots
    void reclaim(Pages &, PageRange held) const noexcept override;

    bool held(Record const &) const noexcept override;
    HostVerdict host_access(Pages const &, PageNo, Access) const noexcept override;
    GuestVerdict guest_access(Pages const &, PageNo, std::uint64_t frame, Side, Access) const noexcept override;
    void read_ciphertext(Pages const &, PageNo, std::byte *) const noexcept override {} // no access ends in ciphertext
    char const *state_name(Record const &) const noexcept override;
    char const *audit(Record const &) const noexcept override;
};

} // namespace gmem::platform
