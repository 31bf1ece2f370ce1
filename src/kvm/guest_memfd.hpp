#pragma once
// The ioctls of a guest_memfd descriptor: one.

#include "kvm/vm.hpp"
#include "memory/guest_memory.hpp"

namespace gmem::kvm {

// ioctl(gmem fd): 0 or -errno, like a driver. Specification 2.2, whole.
long guest_memfd_ioctl(memory::GuestMemory &file, unsigned long command, std::uintptr_t argument) noexcept;

// fallocate(gmem fd): 0 or -errno. Specification 4.4.
long guest_memfd_fallocate(memory::GuestMemory &file, int mode, std::int64_t offset, std::int64_t length) noexcept;

} // namespace gmem::kvm
