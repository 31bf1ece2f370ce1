#pragma once
// KVM_SET_MEMORY_ATTRIBUTES2: the caller's bytes become a page range and an attribute, or an errno.

#include "attributes/attribute.hpp"
#include "base/result.hpp"
#include "kvm/uapi.hpp"
#include "memory/guest_memory.hpp"
#include "platform/profile.hpp"

namespace gmem::kvm {

struct ConversionRequest final {
    PageRange range;
    Attribute to;
    platform::ContentMode mode; // what becomes of the contents: platform/support.hpp decides
};

// guest_memfd specification 2.2, checks 4 to 10, in this order; what 4 is, and whether error_offset is looked at, says the profile.
// `allowed`: the VM that made the file has private memory.
Result<ConversionRequest> parse_conversion(uapi::MemoryAttributes2 const &raw_request, Bytes file_size, memory::Conversions conversions, platform::Profile const &profile) noexcept;

} // namespace gmem::kvm
