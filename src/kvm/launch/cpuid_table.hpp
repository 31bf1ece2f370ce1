#pragma once
// The CPUID of one vCPU as its VMM set it. The VMM of an SNP VM reads it back with KVM_GET_CPUID2 and makes the launch's CPUID page of it. A real KVM may give
// back something else (seen: the `kvm_pvm` vendor module, whose guests see the processor's own CPUID); the page would then not be what the VMM meant. A TD's
// vCPU finds one leaf more than its VMM set. KVM's documented API, KVM_SET_CPUID2 and KVM_GET_CPUID2.
//
// Invariants:
//   C1  exactly while `is_set_`, the first `count_` entries of `kept` are those of the last KVM_SET_CPUID2 that the real KVM took.

#include "kvm/launch/tdx_uapi.hpp"
#include "os/mutex.hpp"

#include <optional>

namespace gmem::kvm::launch {

class CpuidTable final {
public:
    CpuidTable() noexcept = default;
    CpuidTable(CpuidTable const &) = delete;

    enum class Of : std::uint8_t { guest, td };

    // KVM_SET_CPUID2 on the real vCPU behind `fd`. 0 or -errno.
    long set(int fd, std::uintptr_t argument, Of whose) noexcept;
    // KVM_GET_CPUID2: 0 or -errno; E2BIG says how many there are. nullopt: nothing was ever set.
    std::optional<long> get(std::uintptr_t argument) noexcept;

    void clear() noexcept;

private:
    struct Memory;

    os::Mutex lock_;
    Memory *memory_ GMEM_GUARDED_BY(lock_) { nullptr }; // mapped at the first set()
    std::uint32_t count_ GMEM_GUARDED_BY(lock_) { 0 };
    bool is_set_ GMEM_GUARDED_BY(lock_) { false };
};

} // namespace gmem::kvm::launch
