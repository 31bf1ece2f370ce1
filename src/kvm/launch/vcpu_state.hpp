#pragma once
// What a launch knows of a vCPU. Belongs to the vCPU; read and written under its VM's lock, but for `ordinal`.

#include "kvm/launch/td_entry.hpp"

#include <atomic>
#include <cstdint>

namespace gmem::kvm::launch {

struct VcpuState final {
    std::uint32_t ordinal { 0 };     // the order in which the VM's vCPUs were created; never changes
    std::atomic<bool> tdx_initialised { false }; // KVM_TDX_INIT_VCPU
    TdEntry td_entry {};                         // and what it said
    bool rec_created { false };      // GMEM_REALM_REC_CREATE
};

} // namespace gmem::kvm::launch
