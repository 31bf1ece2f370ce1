#pragma once
// The kernel's interface in numbers of our own, from specification 1.1 to 1.3: this folder knows nothing of src/ but base/.

#include <cstddef>
#include <cstdint>

namespace gmem::conformance {

struct CreateGuestMemfd final {
    std::uint64_t size, flags, reserved[6];
};
struct MemoryAttributes2 final {
    std::uint64_t offset, size, attributes, flags, error_offset, reserved[11];
};
struct MemoryRegion2 final {
    std::uint32_t slot, flags;
    std::uint64_t guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset;
    std::uint32_t guest_memfd, pad1;
    std::uint64_t pad2[14];
};
static_assert(sizeof(CreateGuestMemfd) == 64 && sizeof(MemoryAttributes2) == 128 && sizeof(MemoryRegion2) == 160);

inline constexpr unsigned long kvm_create_vm { 0xAE01 }, kvm_check_extension { 0xAE03 };
inline constexpr unsigned long kvm_create_guest_memfd { 0xC040AED4 }, kvm_set_memory_attributes { 0x4020AED2 },
    kvm_set_memory_attributes2 { 0xC080AED2 }, kvm_set_user_memory_region { 0x4020AE46 }, kvm_set_user_memory_region2 { 0x40A0AE49 };

} // namespace gmem::conformance
