#pragma once
// The launch of one TD through KVM_MEMORY_ENCRYPT_OP on the VM and its vCPUs: KVM's side of it, above the module's (platform/tdx/td.hpp).
// guest_memfd specification 5.3; platform-models.md 2.4; KVM's documented API, x86/intel-tdx.
//
//   INIT_VM -> KVM_CREATE_VCPU, INIT_VCPU -> INIT_MEM_REGION ... -> FINALIZE_VM
//
// Invariants:
//   T1  there is a TD exactly from an INIT_VM that succeeded on.
//   T2  `entries_` are those that INIT_VM was given; they never change afterwards.
// Under the VM's lock.

#include "kvm/launch/pages.hpp"
#include "kvm/launch/tdx_uapi.hpp"
#include "kvm/launch/vcpu_state.hpp"
#include "kvm/trust.hpp"

#include <optional>

namespace gmem::kvm::launch {

class Tdx final {
public:
    // On the VM. 0 or -errno. `dead`: the module refused what KVM thinks it cannot refuse, and the VM is bugged.
    long command(uapi::TdxCommand &command, Trust const &, bool &dead) noexcept;
    // On a vCPU.
    long command(uapi::TdxCommand const &command, Memory const &, VcpuState &) noexcept;

    bool initialised() const noexcept { return td_.has_value(); }
    bool finished() const noexcept { return td_ && td_->op() == platform::tdx::Op::runnable; }

    Tdx() noexcept = default;
    Tdx(Tdx const &) = delete;
    ~Tdx();

private:
    long init_vm(uapi::TdxCommand const &, Trust const &) noexcept;
    long keep_cpuid(std::uintptr_t from, std::uint32_t count) noexcept;
    long finalize(uapi::TdxCommand &, bool &dead) noexcept;
    long init_vcpu(uapi::TdxCommand const &, VcpuState &) noexcept;
    long init_mem_region(uapi::TdxCommand const &, Memory const &, VcpuState const &) noexcept;
    long get_cpuid(uapi::TdxCommand const &) const noexcept;

    std::optional<platform::tdx::Td> td_ {};
    std::uint64_t shared_bit_ { 0 }; // of a guest physical address
    std::uint64_t pages_ { 0 };      // that were added
    NeverWritten never_written_ {};  // of the region that is under way, which EINTR may cut
    std::uint32_t count_ { 0 };
    std::uintptr_t entries_ { 0 };   // memory of their own, of count_ CpuidEntry2
};

} // namespace gmem::kvm::launch
