#include "spec/vm_attributes.hpp"

#include "base/units.hpp"

#include <cerrno>

namespace gmem::spec {

int vm_attributes_errno(VmAttributesCall const &call, Kernel kernel, bool vm_has_private_memory)
{
    if (!kernel.vm_attributes)
        return ENOTTY;
    std::uint64_t const supported { !kernel.in_place && vm_has_private_memory ? 8u : 0u };
    if (call.flags != 0)
        return EINVAL;
    if (call.attributes & ~supported)
        return EINVAL;
    if (call.size == 0 || call.address + call.size < call.address)
        return EINVAL;
    if (call.address % page_size || call.size % page_size)
        return EINVAL;
    return 0;
}

} // namespace gmem::spec
