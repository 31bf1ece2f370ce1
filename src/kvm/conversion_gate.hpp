#pragma once
// KVM_SET_MEMORY_ATTRIBUTES2: the caller's bytes become a page range and an attribute, or an errno.

#include "attributes/attribute.hpp"
#include "base/result.hpp"
#include "kvm/uapi.hpp"
#include "memory/guest_memory.hpp"

namespace gmem::kvm {

struct ConversionRequest final {
    PageRange range;
    Attribute to;
};

// guest_memfd specification 2.2, checks 4 to 10, in this order. `allowed`: the VM that made the file has private memory.
Result<ConversionRequest> parse_conversion(uapi::MemoryAttributes2 const &raw_request, Bytes file_size, memory::Conversions conversions) noexcept;

} // namespace gmem::kvm
