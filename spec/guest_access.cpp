#include "spec/guest_access.hpp"

namespace gmem::spec {

GuestAccess guest_access(SlotThere slot, bool file_private, bool frame_private, Kernel kernel)
{
    using enum GuestAccess::What;
    // 1.6: exactly one tracker. 6.4: in-place, a page without slot or living file is shared.
    bool const is_private { kernel.in_place ? slot.exists && slot.with_file && !slot.file_gone && file_private
                                            : kernel.vm_attributes && frame_private };
    if (!slot.exists)
        return is_private ? GuestAccess { memory_fault, true } : GuestAccess { mmio };
    bool const only_file { slot.with_file && (kernel.in_place || slot.file_mappable) }; // 6.1 (14), 9.2
    if (!is_private && !only_file)
        return { userspace };
    if (!slot.with_file || slot.file_gone)
        return { memory_fault, is_private };
    return { file };
}

} // namespace gmem::spec
