#pragma once
// KVM_SET_USER_MEMORY_REGION(2): the checks on the numbers alone, specification 6.1 (1) to (9). What needs the VM's slots or the
// file comes after, in vm.cpp.

#include "base/result.hpp"
#include "kvm/uapi.hpp"

namespace gmem::kvm {

struct MemslotLimits final {
    std::uint32_t slots;          // user slots in each address space
    std::uint32_t address_spaces; // 1 where the VM has private memory
};

// A request whose numbers are legal.
struct MemslotRequest final {
    std::uint32_t slot; // with the address space, as given
    std::uint64_t gpa;  // page aligned
    std::uint64_t size; // bytes, page aligned; 0 deletes
    std::uint64_t file_offset;
    std::uintptr_t userspace;
    std::uint32_t flags;
    int file; // descriptor, where flags carry KVM_MEM_GUEST_MEMFD
    bool with_guest_memfd;
};

Result<MemslotRequest> parse_memslot(uapi::UserspaceMemoryRegion2 const &request, MemslotLimits limits) noexcept;

} // namespace gmem::kvm
