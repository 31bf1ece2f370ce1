#pragma once
// KVM_CREATE_GUEST_MEMFD: the caller's bytes become what a GuestMemory is born with, or EINVAL.

#include "base/result.hpp"
#include "kvm/uapi.hpp"
#include "memory/guest_memory.hpp"

namespace gmem::kvm {

// guest_memfd specification 1.3, in its order: flags that this VM does not support, then the size.
Result<memory::GuestMemory::Birth> parse_creation(uapi::CreateGuestMemfd const &request, std::uint64_t supported_flags) noexcept;

} // namespace gmem::kvm
