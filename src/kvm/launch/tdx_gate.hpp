#pragma once
// The bytes of TDX's launch commands, judged once; and what the model's TDX module offers a VMM.

#include "base/result.hpp"
#include "kvm/launch/tdx_uapi.hpp"

#include <span>

namespace gmem::kvm::launch {

// KVM_TDX_CAPABILITIES. assumption: attributes and XFAM of KVM on today's processors; of the CPUID bits that may be chosen, these.
namespace tdx_offer {
inline constexpr std::uint64_t attributes { 1u << 28 };  // SEPT_VE_DISABLE
inline constexpr std::uint64_t xfam { 0x602e7 };         // x87, SSE, AVX, AVX-512, PKRU, AMX
inline constexpr std::uint64_t xfam_always { 0x3 };      // x87, SSE
inline constexpr uapi::CpuidEntry2 cpuid[] {
    { .function = 0x1, .index = 0, .flags = 0, .eax = 0x0fff3fff, .ebx = 0x00ff0000, .ecx = 0, .edx = 0, .padding = {} },
    { .function = 0x4, .index = 0, .flags = 1, .eax = 0xfc000000, .ebx = 0, .ecx = 0, .edx = 0, .padding = {} },
    { .function = 0x80000008, .index = 0, .flags = 0, .eax = 0x00ff0000, .ebx = 0, .ecx = 0, .edx = 0, .padding = {} },
};
}

// KVM_TDX_INIT_VM. `entries`: what its struct kvm_cpuid2 has. EINVAL. The bit of a guest physical address that makes it shared.
Result<std::uint64_t> parse_init_vm(uapi::TdxInitVm const &, uapi::Cpuid2 const &, std::span<uapi::CpuidEntry2 const> entries) noexcept;

// KVM_TDX_INIT_MEM_REGION: is it a region? EINVAL.
Status parse_region(uapi::TdxInitMemRegion const &, std::uint64_t shared_bit) noexcept;

} // namespace gmem::kvm::launch
