#pragma once
// KVM_SET_MEMORY_ATTRIBUTES on a VM: section 1.6.

#include "spec/kernel.hpp"

#include <cstdint>

namespace gmem::spec {

struct VmAttributesCall final {
    std::uint64_t address, size, attributes, flags;
};

// The errno that the call must have, 0 for success. ENOMEM is the real world's choice and is not here.
int vm_attributes_errno(VmAttributesCall const &call, Kernel kernel, bool vm_has_private_memory);

} // namespace gmem::spec
