#pragma once
// /dev/sev where the machine has none: what a VMM asks the firmware beside any VM. docs/launch.md.

#include <cstdint>

namespace gmem::kvm::launch {

// An ioctl of /dev/sev: 0 or -errno.
long sev_device_ioctl(unsigned long command, std::uintptr_t argument) noexcept;

// KVM_HAS_DEVICE_ATTR and KVM_GET_DEVICE_ATTR of /dev/kvm, in KVM_X86_GRP_SEV; `is_ours` false: another group, the real KVM's affair.
long sev_attribute_ioctl(unsigned long command, std::uintptr_t argument, bool &is_ours) noexcept;

} // namespace gmem::kvm::launch
