#pragma once
// The launch calls of KVM, in our own numbers: Debian 12's headers (6.1) have neither SNP's nor TDX's. Source: KVM's documented API
// (amd-memory-encryption.rst, intel-tdx.rst), specification 5.2 and 5.3.

#include "examples/guest_memfd_uapi.h"

#include <cstdint>

namespace gmem::driver::uapi {

inline constexpr unsigned long memory_encrypt_op { _IOWR(KVMIO, 0xba, unsigned long) };
inline constexpr std::uint32_t exit_memory_fault { 39 };
inline constexpr std::uint32_t cap_exit_hypercall { 201 };
inline constexpr std::uint64_t hypercall_map_gpa_range { 12 };

enum VmType : unsigned long { sw_protected_vm = 1, snp_vm = 4, tdx_vm = 5 };

// SET_MEMORY_ATTRIBUTES2's flags of RFC v3 to v5; encrypted is of the February mail, its number is gmem's (docs/profiles.md).
enum ContentMode : std::uint64_t { unspecified = 0, zero = 1, preserve = 2, encrypted = 4 };

struct MemoryFault final {
    std::uint64_t flags, gpa, size;
};

struct SevCommand final {
    std::uint32_t id, pad0;
    std::uint64_t data;
    std::uint32_t error, sev_fd;
};
enum SevId : std::uint32_t { sev_init2 = 22, snp_launch_start = 100, snp_launch_update = 101, snp_launch_finish = 102 };

struct SevInit final {
    std::uint64_t vmsa_features;
    std::uint32_t flags;
    std::uint16_t ghcb_version, pad1;
    std::uint32_t pad2[8];
};

struct SnpLaunchStart final {
    std::uint64_t policy;
    std::uint8_t gosvw[16];
    std::uint16_t flags;
    std::uint8_t pad0[6];
    std::uint64_t pad1[4];
};

struct SnpLaunchUpdate final {
    std::uint64_t gfn_start, uaddr, len;
    std::uint8_t type, pad0;
    std::uint16_t flags;
    std::uint32_t pad1;
    std::uint64_t pad2[4];
};

struct SnpLaunchFinish final {
    std::uint64_t id_block_uaddr, id_auth_uaddr;
    std::uint8_t id_block_en, auth_key_en, vcek_disabled, host_data[32], pad0[3];
    std::uint16_t flags;
    std::uint64_t pad1[4];
};

struct TdxCommand final {
    std::uint32_t id, flags;
    std::uint64_t data, hw_error;
};
enum TdxId : std::uint32_t { tdx_capabilities = 0, tdx_init_vm = 1, tdx_init_vcpu = 2, tdx_init_mem_region = 3, tdx_finalize_vm = 4, tdx_get_cpuid = 5 };
inline constexpr std::uint32_t tdx_measure_memory_region { 1 };

struct TdxInitVm final { // entries of CPUID follow
    std::uint64_t attributes, xfam, mrconfigid[6], mrowner[6], mrownerconfig[6], reserved[12];
    std::uint32_t cpuid_entries, cpuid_padding;
};

struct TdxInitMemRegion final {
    std::uint64_t source_addr, gpa, nr_pages;
};

// Sanity checks
static_assert(memory_encrypt_op == 0xC008AEBA);
static_assert(sizeof(SevCommand) == 24 && sizeof(SevInit) == 48 && sizeof(SnpLaunchStart) == 64 && sizeof(SnpLaunchUpdate) == 64);
static_assert(sizeof(SnpLaunchFinish) == 88 && sizeof(TdxCommand) == 24 && sizeof(TdxInitVm) == 264 && sizeof(TdxInitMemRegion) == 24);

} // namespace gmem::driver::uapi
