#pragma once
// AMD SEV-SNP as KVM sees it. The machine is in rmp.hpp, the instructions in host_instructions.hpp and guest_instructions.hpp, the access checks
// in access.hpp; the launch in launch.hpp and populate.hpp. platform-models.md 1.6: which hook does what.

#include "platform/platform.hpp"

namespace gmem::platform {

class Snp final : public Platform {
public:
    Kind kind() const noexcept override { return Kind::snp; }
    bool keeps_records() const noexcept override { return true; }
    bool encrypts() const noexcept override { return true; }

    // KVM asks SNP nothing before a conversion.
    Status veto(Pages const &, PageRange, Attribute, std::uint64_t) const noexcept override { return Ok {}; }

    // What the host then reads is ciphertext of what the guest wrote. Leaked pages are counted in VmState::leaked_pages.
    void make_shared(Pages &, PageRange) const noexcept override;
    // The guest then reads the host's bytes decrypted, which is noise. ENOENT, EINVAL. No 2 MiB entries: KVM's fault path knows only order 0.
    Status make_private(Pages &, PageNo, std::uint64_t frame) const noexcept override;
    // PVALIDATE, with the PSMASH that the host owes it in a 2 MiB entry.
    void accept(Pages &, PageNo, std::uint64_t frame) const noexcept override;
    // Nested page tables are no matter of the RMP: the page stays assigned at its old gpa, and faults for ever at another.
    void unmap(Pages &, PageNo, std::uint64_t) const noexcept override {}
    // As make_shared; but the guest's bytes are wiped.
    void reclaim(Pages &, PageRange) const noexcept override;

    bool held(Record const &) const noexcept override;
    HostVerdict host_access(Pages const &, PageNo, Access) const noexcept override;
    // A single vCPU at VMPL0 with 4 KiB in its nested page table; the finer questions are access.hpp's.
    GuestVerdict guest_access(Pages const &, PageNo, std::uint64_t frame, Side, Access) const noexcept override;
    void read_ciphertext(Pages const &, PageNo, std::byte *out) const noexcept override;
    char const *state_name(Record const &) const noexcept override;
    char const *audit(Record const &) const noexcept override;
};

} // namespace gmem::platform
