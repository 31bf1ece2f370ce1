#pragma once
// KVM_SET_MEMORY_ATTRIBUTES of a VM: the caller's bytes become a range of guest frames and an attribute, or EINVAL.

#include "attributes/attribute.hpp"
#include "base/result.hpp"
#include "kvm/uapi.hpp"

namespace gmem::kvm {

struct VmAttributesRequest final {
    PageRange frames; // PageNo is a guest frame number here
    Attribute to;
};

// Specification 1.6, in its order: flags, attributes, size, alignment. `supported`: the attributes that this VM tracks.
Result<VmAttributesRequest> parse_vm_attributes(uapi::MemoryAttributes const &request, std::uint64_t supported) noexcept;

} // namespace gmem::kvm
