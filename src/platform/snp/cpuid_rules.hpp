#pragma once
// How the firmware judges an entry of the CPUID page: each register of each leaf has a rule, and a processor to compare with. The kinds of
// rules are platform-models.md 1.5's; which register has which, and the processor, are ours (assumption: AMD's table is in the PPR of each
// processor and differs between them). The processor is a model of one with SNP.

#include <array>
#include <cstddef>
#include <cstdint>

namespace gmem::platform::snp {

enum class CpuidRule : std::uint8_t {
    mask,      // no bit that the processor has not
    exact,     // the processor's value
    less_than, // the processor's value at most
    unchecked, // anything
    zero,      // nothing: the register, or the leaf, is not listed
};

struct CpuidRow final {
    static constexpr std::uint32_t any_subleaf { ~std::uint32_t { 0 } };

    struct Register final {
        CpuidRule rule { CpuidRule::zero };
        std::uint32_t processor { 0 };
    };

    std::uint32_t leaf, subleaf;
    std::array<Register, 4> registers; // eax, ebx, ecx, edx
};

namespace cpuid_rules {
constexpr CpuidRow::Register mask(std::uint32_t v) noexcept { return { CpuidRule::mask, v }; }
constexpr CpuidRow::Register exact(std::uint32_t v) noexcept { return { CpuidRule::exact, v }; }
constexpr CpuidRow::Register at_most(std::uint32_t v) noexcept { return { CpuidRule::less_than, v }; }
inline constexpr CpuidRow::Register free { CpuidRule::unchecked, 0 }, zero {};
inline constexpr auto any { CpuidRow::any_subleaf };
inline constexpr std::uint32_t auth { 0x68747541 }, enti { 0x69746e65 }, camd { 0x444d4163 }; // "AuthenticAMD"

// The hypervisor's own bit, leaf 1 ECX[31], counts as one that the processor has.
inline constexpr std::array table {
    CpuidRow { 0x00000000, any, { at_most(0x10), exact(auth), exact(camd), exact(enti) } }, // highest leaf, vendor
    CpuidRow { 0x00000001, any, { free, free, mask(0xfffa3203), mask(0x178bfbff) } },       // family; features
    CpuidRow { 0x00000005, any, { free, free, mask(0x3), zero } },          // monitor
    CpuidRow { 0x00000006, any, { mask(0x4), zero, mask(0x1), zero } },     // power
    CpuidRow { 0x00000007, 0, { at_most(1), mask(0xf1bf97a9), mask(0x00405fce), mask(0x10000010) } }, // features
    CpuidRow { 0x00000007, 1, { mask(0x20), zero, zero, zero } },
    CpuidRow { 0x0000000b, any, { free, free, free, free } },               // topology
    CpuidRow { 0x0000000d, 0, { mask(0x2e7), free, at_most(0x988), zero } }, // XSAVE
    CpuidRow { 0x0000000d, 1, { mask(0xf), free, mask(0x1800), zero } },
    CpuidRow { 0x0000000d, any, { free, free, mask(0x7), zero } },          // each component of XSAVE
    CpuidRow { 0x80000000, any, { at_most(0x80000028), exact(auth), exact(camd), exact(enti) } },
    CpuidRow { 0x80000001, any, { free, free, mask(0x75c237fb), mask(0x2fd3fbff) } },
    CpuidRow { 0x80000002, any, { free, free, free, free } },               // the processor's name
    CpuidRow { 0x80000003, any, { free, free, free, free } },
    CpuidRow { 0x80000004, any, { free, free, free, free } },
    CpuidRow { 0x80000005, any, { free, free, free, free } },               // caches
    CpuidRow { 0x80000006, any, { free, free, free, free } },
    CpuidRow { 0x80000007, any, { zero, mask(0x1b), zero, mask(0x6799) } },
    CpuidRow { 0x80000008, any, { free, mask(0x791ef257), free, zero } },   // sizes of addresses
    CpuidRow { 0x80000019, any, { free, free, zero, zero } },               // TLBs
    CpuidRow { 0x8000001a, any, { mask(0x7), zero, zero, zero } },
    CpuidRow { 0x8000001d, any, { free, free, free, free } },               // caches
    CpuidRow { 0x8000001e, any, { free, free, free, zero } },               // topology
    // SEV; C-bit 51, 5 bits fewer, 4 VMPLs. Not exact: VMMs that real firmware launches say one bit fewer, and no VMPLs (seed 003's command line).
    CpuidRow { 0x8000001f, any, { mask(0x0101fd3f), mask(0x4173), zero, zero } },
    CpuidRow { 0x80000021, any, { mask(0x62fcf), mask(0x15c), zero, zero } },
};
} // namespace cpuid_rules

} // namespace gmem::platform::snp
