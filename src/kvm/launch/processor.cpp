#include "kvm/launch/processor.hpp"

namespace gmem::kvm::launch {
namespace {

constexpr std::uint32_t vendor_leaf { 0 }, extended_leaf { 0x80000000 }, address_sizes_leaf { 0x80000008 }, sev_leaf { 0x8000001f };
constexpr std::uint32_t auth { 0x68747541 }, enti { 0x69746e65 }, camd { 0x444d4163 }; // "AuthenticAMD"
constexpr CpuidRegisters sev { 0x1a, 0x4173, 509, 1 }; // SEV, SEV-ES and SNP; C-bit 51, 5 address bits fewer, 4 VMPLs; 509 guests at a time, of any kind
constexpr std::uint32_t tdx_address_bits { 52 }, tdx_guest_address_bits { 48 };

// EAX the highest leaf, then the vendor.
CpuidRegisters of_amd(std::uint32_t highest) noexcept { return { highest, auth, camd, enti }; }

// A processor that has no such extended leaf may say anything there; between those that it has and SEV's ours has nothing to say.
CpuidRegisters on_snp(std::uint32_t leaf, CpuidRegisters real, std::uint32_t highest_extended) noexcept
{
    switch (leaf) {
    case vendor_leaf:   return of_amd(real.eax);
    case extended_leaf: return of_amd(real.eax < sev_leaf ? sev_leaf : real.eax);
    case sev_leaf:      return sev;
    default:            return leaf > highest_extended && leaf < sev_leaf ? CpuidRegisters { 0, 0, 0, 0 } : real;
    }
}

} // namespace

CpuidRegisters cpuid_on(platform::Kind kind, std::uint32_t leaf, CpuidRegisters real, std::uint32_t highest_extended) noexcept
{
    if (kind == platform::Kind::snp)
        return on_snp(leaf, real, highest_extended);
    if (kind == platform::Kind::tdx && leaf == address_sizes_leaf)
        real.eax = (real.eax & ~0xffu) | tdx_address_bits;
    return real;
}

std::uint32_t supported_address_sizes(platform::Kind kind, std::uint32_t real) noexcept
{
    return kind == platform::Kind::tdx ? (real & ~0xff00ffu) | tdx_address_bits | tdx_guest_address_bits << 16 : real;
}

} // namespace gmem::kvm::launch
