#pragma once
// The CPUID page of a launch: what the VMM wants the guest to see of the processor, which the firmware checks. platform-models.md 1.5.

#include "platform/snp/cpuid_rules.hpp"

namespace gmem::platform::snp {

struct CpuidEntry final {
    std::uint32_t eax_in, ecx_in;
    std::uint64_t xcr0_in, xss_in;
    std::uint32_t registers[4]; // eax, ebx, ecx, edx
    std::uint64_t reserved;
};
static_assert(sizeof(CpuidEntry) == 48);

struct CpuidPage final {
    static constexpr std::uint32_t most { 64 };

    std::uint32_t count, reserved;
    std::uint64_t reserved2;
    CpuidEntry entries[most];
};
static_assert(sizeof(CpuidPage) == 16 + 64 * 48);

enum class CpuidVerdict : std::uint8_t {
    accepted,
    corrected, // an entry differed from what it may be: the page now holds what would be accepted
    malformed, // more than 64 entries, or a reserved field of the header is set: nothing is changed
};

// What one entry may say, at most; equal to `e`: it is accepted. Leaves of neither 0..0xffff nor 0x80000000..0x8000ffff are the
// hypervisor's, and not judged but for the reserved field, which is cleared.
CpuidEntry judged(CpuidEntry const &e) noexcept;

// Judges the table in the page (4096 bytes), and corrects it in place.
CpuidVerdict judge_cpuid_page(std::byte *page) noexcept;

} // namespace gmem::platform::snp
