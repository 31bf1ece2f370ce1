#pragma once
// The launch of one SNP VM through KVM_MEMORY_ENCRYPT_OP: KVM's side of it, above the firmware's (platform/snp/launch.hpp). guest_memfd specification 5.2;
// platform-models.md 1.5, 1.6; KVM's documented API, x86/amd-memory-encryption.
//
//   KVM_SEV_INIT2 -> SNP_LAUNCH_START -> SNP_LAUNCH_UPDATE ... -> SNP_LAUNCH_FINISH
//
// Invariants:
//   N1  there is a firmware context exactly from a LAUNCH_START that succeeded on.
//   N2  finished() is for ever.
// Under the VM's lock.

#include "kvm/launch/populate.hpp"
#include "kvm/launch/sev_uapi.hpp"
#include "kvm/launch/vmsa.hpp"
#include "kvm/trust.hpp"
#include "platform/snp/launch.hpp"

#include <optional>
#include <span>

namespace gmem::kvm::launch {

class Snp final {
public:
    // What a command may need beside its own bytes.
    struct Context final {
        Memory memory;
        Trust const &trust;
        unsigned created_vcpus;
        std::span<VcpuRegisters const> vcpus; // for LAUNCH_FINISH: all of them, in the order of creation
        bool sev_device; // is command.sev_fd /dev/sev?
    };

    // 0 or -errno; `command.error` is the firmware's answer, where it was asked.
    long command(uapi::SevCommand &command, Context const &) noexcept;

    bool initialised() const noexcept { return initialised_; } // KVM_SEV_INIT2 was there
    bool finished() const noexcept { return firmware_ && firmware_->state() == platform::snp::GuestState::running; }

    // Of the kernel, what KVM_X86_SEV_VMSA_FEATURES and KVM_X86_SNP_POLICY_BITS say of it.
    static constexpr std::uint64_t vmsa_features { sev_feature::debug_swap };
    static constexpr std::uint64_t policy_bits { platform::snp::policy_bit::known };
    // VMs of this process that the firmware has a context of.
    static unsigned contexts() noexcept;

    Snp() noexcept = default;
    Snp(Snp const &) = delete;
    ~Snp();

private:
    long init2(uapi::SevCommand &, Context const &) noexcept;
    long start(uapi::SevCommand &, Context const &) noexcept;
    long update(uapi::SevCommand &, Context const &) noexcept;
    long finish(uapi::SevCommand &, Context const &) noexcept;
    long update_vmsas(uapi::SevCommand &, Context const &) noexcept;

    bool initialised_ { false };
    std::uint64_t sev_features_ { 0 };
    std::uint64_t pages_ { 0 }; // that were measured
    std::optional<platform::snp::Launch> firmware_ {};
};

} // namespace gmem::kvm::launch
