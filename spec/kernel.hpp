#pragma once
// How the kernel was built and loaded: section 1.6; and what it then says of itself: section 1.5; before v6, 2.6 and platform-models.md 6.

#include "spec/content.hpp"

namespace gmem::spec {

struct Kernel final {
    bool in_place;      // parameter gmem_in_place_conversion
    bool vm_attributes; // CONFIG_KVM_VM_MEMORY_ATTRIBUTES
    Profile profile { Profile::mainline };
};

enum class On { system, vm_with_private_memory, other_vm };

// KVM_CHECK_EXTENSION of the capabilities that section 1.5 has a row for; -1 for others.
long capability(unsigned long which, On where, Kernel kernel);

} // namespace gmem::spec
