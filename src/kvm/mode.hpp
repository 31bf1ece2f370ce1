#pragma once
// Who keeps track of which guest page is private: the kernel's module parameter gmem_in_place_conversion and its build option
// CONFIG_KVM_VM_MEMORY_ATTRIBUTES (specification 1.6). Chosen once, before the first VM.

#include <cstdint>

namespace gmem::kvm {

// Exactly one answers "is this guest page private?".
enum class Tracker : std::uint8_t {
    files, // in-place conversion: each guest_memfd
    vms,   // in-place off: the VM, by guest frame; a guest_memfd is private-only backing beside the program's memory
    nobody // neither: everything is shared
};

struct Mode final {
    Tracker tracker { Tracker::files };
    bool vm_attributes { false }; // does KVM_SET_MEMORY_ATTRIBUTES of a VM exist?

    // in_place: the parameter. vm_attributes: the build option; where nobody says, it is there exactly when it is needed.
    static constexpr Mode of(bool in_place, bool vm_attributes) noexcept
    {
        return { in_place ? Tracker::files : vm_attributes ? Tracker::vms : Tracker::nobody, vm_attributes };
    }

    static Mode current() noexcept;
    static void choose(Mode m) noexcept;

};

} // namespace gmem::kvm
