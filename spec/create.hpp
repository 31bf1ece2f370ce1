#pragma once
// KVM_CREATE_GUEST_MEMFD and the VM that makes it: sections 1.3, 1.5, 1.6; initial attributes 4.4.

#include "spec/state.hpp"

namespace gmem::spec {

struct CreateCall final {
    std::uint64_t size, flags;
};

inline constexpr std::uint64_t flag_mmap { 1 }, flag_init_shared { 2 };

enum class VmType : std::uint8_t { default_vm, sw_protected, sev, sev_es, snp, tdx }; // 1.1

// 1.5: which types have private memory (kvm_arch_has_private_mem).
VmRules rules_of(VmType type, bool in_place_conversion);

// KVM_SET_MEMORY_ATTRIBUTES on the VM (1.6): the default build does not track attributes there, whatever the arguments.
int vm_attributes_errno(VmRules vm);

// The errno that the call must have, 0 for success.
int create_errno(CreateCall const &call, VmRules vm);

// The file after success.
File created(CreateCall const &call, VmRules vm);

} // namespace gmem::spec
