#include "spec/create.hpp"

#include <cerrno>

namespace gmem::spec {

int create_errno(CreateCall const &call, VmRules vm)
{
    // 1.5: INIT_SHARED is supported iff in-place conversion is on or the VM has no private memory.
    std::uint64_t supported { flag_mmap };
    if (vm.in_place_conversion || !vm.private_memory)
        supported |= flag_init_shared;
    if ((call.flags & ~supported) != 0)
        return EINVAL; // 1.3: flags first
    if (static_cast<std::int64_t>(call.size) <= 0)
        return EINVAL; // 1.3: size, signed
    if (call.size % page_size != 0)
        return EINVAL;
    return 0;
}

File created(CreateCall const &call, VmRules vm)
{
    auto const initial { (call.flags & flag_init_shared) ? PageState::shared : PageState::private_ };
    return { vm, (call.flags & flag_mmap) != 0, std::vector<Page>(call.size / page_size, Page { initial, 0, 0 }) };
}

int vm_attributes_errno(VmRules) { return ENOTTY; }

VmRules rules_of(VmType type, bool in_place_conversion)
{
    bool const has_private { type == VmType::sw_protected || type == VmType::snp || type == VmType::tdx };
    return { .private_memory = has_private, .in_place_conversion = in_place_conversion };
}

} // namespace gmem::spec
