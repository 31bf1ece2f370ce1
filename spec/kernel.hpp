#pragma once
// How the kernel was built and loaded: section 1.6; and what it then says of itself: section 1.5.

namespace gmem::spec {

struct Kernel final {
    bool in_place;      // parameter gmem_in_place_conversion
    bool vm_attributes; // CONFIG_KVM_VM_MEMORY_ATTRIBUTES
};

enum class On { system, vm_with_private_memory, other_vm };

// KVM_CHECK_EXTENSION of the capabilities that section 1.5 has a row for; -1 for others.
long capability(unsigned long which, On where, Kernel kernel);

} // namespace gmem::spec
