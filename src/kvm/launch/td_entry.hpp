#pragma once
// How a TD's vCPU begins: as the TDX module makes it at TDH.VP.INIT, in 32-bit mode with all of memory, at 0xfffffff0. A TD's VMM cannot set registers, so firmware relies on it.

#include "kvm/launch/tdx_uapi.hpp"

#include <cstdint>

namespace gmem::kvm::launch {

struct TdEntry final {
    std::uint64_t rcx;          // of KVM_TDX_INIT_VCPU: where firmware finds its description of memory
    std::uint32_t address_bits; // of guest physical addresses
    std::uint32_t index;        // of the vCPU in its TD
};

// Sets the registers of the real vCPU behind `fd`, unless somebody has already set them. assumption: the values are from memory of Intel's TDX module ABI, "initial state".
void begin_as_td(int fd, TdEntry const &) noexcept;

// What the module adds to a TD's CPUID: leaf 0x21 says that it is one, and leaf 1 that there is a hypervisor. Returns the new number of entries; there is room for two more.
std::uint32_t add_td_leaves(uapi::CpuidEntry2 *entries, std::uint32_t count) noexcept;

} // namespace gmem::kvm::launch
