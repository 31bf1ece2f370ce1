#pragma once
// The CPUID of one vCPU as its VMM set it. The VMM of an SNP VM reads it back with KVM_GET_CPUID2 and makes the launch's CPUID page of it. A real KVM may give
// back something else (seen: the `kvm_pvm` vendor module, whose guests see the processor's own CPUID); the page would then not be what the VMM meant.
// KVM's documented API, KVM_SET_CPUID2 and KVM_GET_CPUID2.
//
// Invariants:
//   C1  `memory_` is 0, or maps `most_cpuid_entries` entries, of which the first `count_` are those of the last KVM_SET_CPUID2 that the real KVM took.

#include "kvm/launch/tdx_uapi.hpp"
#include "os/mutex.hpp"

#include <optional>

namespace gmem::kvm::launch {

class CpuidTable final {
public:
    CpuidTable() noexcept = default;
    CpuidTable(CpuidTable const &) = delete;

    // KVM_SET_CPUID2 on the real vCPU behind `fd`. 0 or -errno.
    long set(int fd, std::uintptr_t argument) noexcept;
    // KVM_GET_CPUID2: 0 or -errno; E2BIG says how many there are. nullopt: nothing was ever set.
    std::optional<long> get(std::uintptr_t argument) noexcept;

    void clear() noexcept;

private:
    long keep(std::uintptr_t argument) noexcept GMEM_REQUIRES(lock_);

    os::Mutex lock_;
    std::uintptr_t memory_ GMEM_GUARDED_BY(lock_) { 0 };
    std::uint32_t count_ GMEM_GUARDED_BY(lock_) { 0 };
};

} // namespace gmem::kvm::launch
