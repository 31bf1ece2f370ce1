#pragma once
// The KVM interface in our own numbers: Debian 12's headers (6.1) know none of the guest_memfd part.
// Source: guest_memfd specification 1.1 to 1.3; the older numbers are KVM's documented API (api.rst).

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>

namespace gmem::kvm::uapi {

constexpr unsigned long io(unsigned nr) noexcept { return 0xAEul << 8 | nr; }
constexpr unsigned long iow(unsigned nr, std::size_t size) noexcept { return 1ul << 30 | size << 16 | io(nr); }
constexpr unsigned long ior(unsigned nr, std::size_t size) noexcept { return 2ul << 30 | size << 16 | io(nr); }
constexpr unsigned long iowr(unsigned nr, std::size_t size) noexcept { return 3ul << 30 | size << 16 | io(nr); }

struct UserspaceMemoryRegion final {
    std::uint32_t slot; // bits 0-15 the slot, 16-31 the address space
    std::uint32_t flags;
    std::uint64_t guest_phys_addr;
    std::uint64_t memory_size;
    std::uint64_t userspace_addr;
};
static_assert(sizeof(UserspaceMemoryRegion) == 32);

struct UserspaceMemoryRegion2 final {
    UserspaceMemoryRegion region;
    std::uint64_t guest_memfd_offset;
    std::uint32_t guest_memfd;
    std::uint32_t pad1;
    std::uint64_t pad2[14];
};
static_assert(sizeof(UserspaceMemoryRegion2) == 160);

struct CreateGuestMemfd final {
    std::uint64_t size;
    std::uint64_t flags;
    std::uint64_t reserved[6];
};
static_assert(sizeof(CreateGuestMemfd) == 64);

struct PreFaultMemory final {
    std::uint64_t gpa;
    std::uint64_t size;
    std::uint64_t flags;
    std::uint64_t padding[5];
};
static_assert(sizeof(PreFaultMemory) == 64);

struct MemoryAttributes final {
    std::uint64_t address;
    std::uint64_t size;
    std::uint64_t attributes;
    std::uint64_t flags;
};
static_assert(sizeof(MemoryAttributes) == 32);

struct MemoryAttributes2 final {
    std::uint64_t offset;
    std::uint64_t size;
    std::uint64_t attributes;
    std::uint64_t flags;
    std::uint64_t error_offset;
    std::uint64_t reserved[11];
};
static_assert(sizeof(MemoryAttributes2) == 128 && offsetof(MemoryAttributes2, error_offset) == 32);

inline constexpr std::uint64_t memory_attribute_private { 1u << 3 };
inline constexpr std::uint64_t guest_memfd_flag_mmap { 1u << 0 };
inline constexpr std::uint64_t guest_memfd_flag_init_shared { 1u << 1 };
inline constexpr std::uint32_t mem_log_dirty_pages { 1u << 0 };
inline constexpr std::uint32_t mem_readonly { 1u << 1 };
inline constexpr std::uint32_t mem_guest_memfd { 1u << 2 };

inline constexpr unsigned long get_api_version { io(0x00) };
inline constexpr unsigned long create_vm { io(0x01) };
inline constexpr unsigned long check_extension { io(0x03) };
inline constexpr unsigned long get_vcpu_mmap_size { io(0x04) };
inline constexpr unsigned long get_supported_cpuid { iowr(0x05, 8) }; // the fixed part of its structure
inline constexpr unsigned long create_vcpu { io(0x41) };
inline constexpr unsigned long get_dirty_log { iow(0x42, 16) };
inline constexpr unsigned long clear_dirty_log { iowr(0xc0, 24) };
inline constexpr unsigned long set_user_memory_region { iow(0x46, sizeof(UserspaceMemoryRegion)) };
inline constexpr unsigned long set_user_memory_region2 { iow(0x49, sizeof(UserspaceMemoryRegion2)) };
inline constexpr unsigned long set_memory_attributes { iow(0xd2, sizeof(MemoryAttributes)) };
inline constexpr unsigned long set_memory_attributes2 { iowr(0xd2, sizeof(MemoryAttributes2)) };
inline constexpr unsigned long run { io(0x80) };
inline constexpr unsigned long set_signal_mask { iow(0x8b, 4) }; // the fixed part of its structure
inline constexpr unsigned long set_cpuid2 { iow(0x90, 8) };      // here too
inline constexpr unsigned long get_cpuid2 { iowr(0x91, 8) };
inline constexpr unsigned long create_guest_memfd { iowr(0xd4, sizeof(CreateGuestMemfd)) };
static_assert(set_memory_attributes == 0x4020AED2 && set_memory_attributes2 == 0xC080AED2);
inline constexpr unsigned long pre_fault_memory { iowr(0xd5, sizeof(PreFaultMemory)) };
static_assert(pre_fault_memory == 0xC040AED5);
static_assert(set_signal_mask == 0x4004AE8B && set_cpuid2 == 0x4008AE90 && get_cpuid2 == 0xC008AE91);
static_assert(create_guest_memfd == 0xC040AED4 && set_user_memory_region2 == 0x40A0AE49);

// What x86 KVM answers for KVM_CAP_NR_MEMSLOTS.
inline constexpr long user_memslots { 32764 };

enum Capability : unsigned {
    cap_user_memory = 3,
    cap_nr_vcpus = 9,
    cap_nr_memslots = 10,
    cap_max_vcpus = 66,
    cap_max_vcpu_id = 128,
    cap_immediate_exit = 136,
    cap_sys_attributes = 209,
    cap_user_memory2 = 231,
    cap_memory_fault_info = 232,
    cap_memory_attributes = 233,
    cap_guest_memfd = 234,
    cap_vm_types = 235,
    cap_pre_fault_memory = 236,
    cap_guest_memfd_flags = 244,
    cap_guest_memfd_memory_attributes = 250,
};

// RFC v3 to v5 (platform-models.md 6).
namespace rfc {
enum Capability : unsigned {
    cap_memory_attributes2 = 248,
    cap_gmem_memory_attributes = 249,
    cap_memory_attributes2_flags = 250,
};
}

enum VmType : unsigned long { default_vm = 0, sw_protected_vm = 1, snp_vm = 4, tdx_vm = 5 };

} // namespace gmem::kvm::uapi
