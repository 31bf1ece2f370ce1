#include "kvm/vm_attributes_gate.hpp"

namespace gmem::kvm {
namespace {

Error invalid(char const *site) noexcept { return Error::of(Why::bad_argument, site); }

} // namespace

Result<VmAttributesRequest> parse_vm_attributes(uapi::MemoryAttributes const &q, std::uint64_t supported) noexcept
{
    if (q.flags != 0)
        return invalid("vm_attributes.flags");
    if (q.attributes & ~supported)
        return invalid("vm_attributes.attributes");
    if (q.size == 0 || q.address + q.size < q.address)
        return invalid("vm_attributes.size");
    if (q.address % page_size || q.size % page_size)
        return invalid("vm_attributes.alignment");
    auto const frames { PageRange::make(PageNo::holding(Bytes { q.address }), PageNo::holding(Bytes { q.address + q.size })) };
    return VmAttributesRequest { *frames, q.attributes & uapi::memory_attribute_private ? Attribute::private_ : Attribute::shared };
}

} // namespace gmem::kvm
