#pragma once
// Intel TDX behind KVM: guest_memfd's pages go in through PAGE.ADD (the launch, populate.hpp) or PAGE.AUG and ACCEPT, and come out through
// RANGE.BLOCK, TRACK and PAGE.REMOVE. All private mappings are of 4 KiB, as upstream KVM's; a large one that somebody made is split first.
//
// What is in the memory (platform-models.md 2.2):
//   not in the Secure-EPT, or pending     what the host wrote last: AUG leaves it, and nobody has written under the TD's key
//   added or accepted                     the TD's bytes; a host that reads gets what Options::tdx_removed says, also after REMOVE, until it writes
//   on a processor with the erratum       KVM wipes whatever comes out: zeros
//
// Poison that lies in the memory after REMOVE is a pattern in the bytes: whoever writes has cleared it, and no record is kept of a host's page.

#include "platform/platform.hpp"

namespace gmem::platform {

class Tdx final : public Platform {
public:
    Kind kind() const noexcept override { return Kind::tdx; }
    bool keeps_records() const noexcept override { return true; }
    bool encrypts() const noexcept override { return true; }
    bool uses_cipher(Options const &o) const noexcept override { return o.tdx_removed == TdxRemoved::noise; }
    Status veto(Pages const &, PageRange, Attribute, std::uint64_t) const noexcept override { return Ok {}; } // TDX has no hook that could refuse
    void make_shared(Pages &, PageRange) const noexcept override;
    // EIO: before FINALIZE (KVM gives the VM up), or the module refused.
    Status make_private(Pages &, PageNo, std::uint64_t frame) const noexcept override;
    void accept(Pages &, PageNo, std::uint64_t frame) const noexcept override;
    void unmap(Pages &, PageNo, std::uint64_t frame) const noexcept override;
    void reclaim(Pages &, PageRange) const noexcept override;
    bool held(Record const &) const noexcept override;
    HostVerdict host_access(Pages const &, PageNo, Access) const noexcept override;
    GuestVerdict guest_access(Pages const &, PageNo, std::uint64_t frame, Side, Access) const noexcept override;
    void read_ciphertext(Pages const &, PageNo, std::byte *) const noexcept override;
    char const *state_name(Record const &) const noexcept override;
    char const *audit(Record const &) const noexcept override;
};

namespace tdx {

// What a line of 64 bytes holds that is poisoned.
inline constexpr std::uint64_t poison_word { 0xbad0'0bad'dead'7d80 };

} // namespace tdx

} // namespace gmem::platform
