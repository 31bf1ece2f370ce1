#pragma once
// The launch of one realm (gmem/realm.h): KVM's side of KVM_ARM_RMI_POPULATE, above the RMM's (platform/cca/realm.hpp). guest_memfd specification 5.4;
// platform-models.md 4.3, 4.4.
//
//   GMEM_REALM_CREATE -> GMEM_REALM_POPULATE, GMEM_REALM_REC_CREATE ... -> the first KVM_RUN of any vCPU activates the realm
//
// Under the VM's lock.

#include "kvm/launch/populate.hpp"
#include "kvm/launch/vcpu_state.hpp"
#include "platform/cca/realm.hpp"

namespace gmem::kvm::launch {

class Cca final {
public:
    // GMEM_REALM_CREATE, with the program's argument; GMEM_REALM_REC_CREATE of a vCPU: 0 or -errno.
    long create(std::uintptr_t argument) noexcept;
    long create_rec(std::uintptr_t argument, VcpuState &) noexcept;

    // GMEM_REALM_POPULATE with the program's argument: 0 or -errno.
    long populate(std::uintptr_t argument, Memory const &memory) noexcept;

    // Before a vCPU runs: 0, or -errno.
    long activate() noexcept;
    bool finished() const noexcept { return realm_.state() == platform::cca::Realm::State::active; }

private:
    long create() noexcept;

    platform::cca::Realm realm_;
    std::uint64_t pages_ { 0 }; // that were populated
};

} // namespace gmem::kvm::launch
