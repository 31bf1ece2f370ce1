#pragma once
// What CPUID says on a processor with SNP or TDX, where a VMM looks before it asks KVM: on top of what the processor that is here says. Pure.
// Sources: AMD APM volume 3, CPUID 0x8000001f; KVM's documented API, x86/intel-tdx (leaf 0x80000008 of KVM_GET_SUPPORTED_CPUID).

#include "platform/kind.hpp"

#include <cstdint>

namespace gmem::kvm::launch {

struct CpuidRegisters final {
    std::uint32_t eax, ebx, ecx, edx;
};

// The answer of the CPUID instruction in leaf `leaf`, given the real one and the highest extended leaf that is real. Every kind but SNP and TDX: the real one.
CpuidRegisters cpuid_on(platform::Kind kind, std::uint32_t leaf, CpuidRegisters real, std::uint32_t highest_extended) noexcept;

// EAX of leaf 0x80000008 in KVM_GET_SUPPORTED_CPUID, given the real KVM's: with TDX there are 52 physical address bits, and a guest has 48.
std::uint32_t supported_address_sizes(platform::Kind kind, std::uint32_t real) noexcept;

} // namespace gmem::kvm::launch
