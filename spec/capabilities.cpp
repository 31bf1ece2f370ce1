#include "spec/capabilities.hpp"

#include "spec/convert.hpp"
#include "spec/create.hpp"

namespace gmem::spec {

std::optional<long> capability(unsigned which, Asked asked, VmRules vm)
{
    bool const has_private { asked == Asked::on_system || vm.private_memory };
    switch (which) {
    case cap_in_place: // row 1: 0 everywhere while it is off
        if (mode_counts_without_change(vm.profile)) // before v6 the number was that of the modes (2.6)
            return vm.in_place_conversion && has_private ? 3 : 0;
        return vm.in_place_conversion && has_private ? static_cast<long>(attribute_private) : 0;
    case cap_memory_attributes: // row 2, without CONFIG_KVM_VM_MEMORY_ATTRIBUTES or with in-place on
        return vm.in_place_conversion ? std::optional { 0l } : std::nullopt;
    case cap_guest_memfd: // row 3
        return 1;
    case cap_guest_memfd_flags: // row 4
        if (asked == Asked::on_system)
            return static_cast<long>(flag_mmap | flag_init_shared);
        return static_cast<long>(vm.in_place_conversion || !vm.private_memory ? flag_mmap | flag_init_shared : flag_mmap);
    default:
        return std::nullopt;
    }
}

} // namespace gmem::spec
