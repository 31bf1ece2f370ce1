#pragma once
// The save area of an SNP vCPU (VMSA), as KVM fills it in at SNP_LAUNCH_FINISH from what it knows of the vCPU; it is measured. Offsets: AMD APM volume 2,
// table B-4. What gmem can know is what KVM_GET_REGS and KVM_GET_SREGS say; the rest has the values of a reset: docs/launch.md lists both.

#include "kvm/registers.hpp"

#include <cstddef>

namespace gmem::kvm::launch {

// A vCPU as it is at LAUNCH_FINISH. `ordinal`: the order of creation, which is that of measurement.
struct VcpuRegisters final {
    std::uint32_t ordinal;
    Registers general;
    SpecialRegisters special;
};

namespace sev_feature {
inline constexpr std::uint64_t snp_active { 1u << 0 }, debug_swap { 1u << 5 };
}

// One page, all of it.
void make_vmsa(std::byte *page, VcpuRegisters const &, std::uint64_t sev_features) noexcept;

} // namespace gmem::kvm::launch
