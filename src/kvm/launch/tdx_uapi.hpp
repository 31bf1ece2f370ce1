#pragma once
// TDX in the KVM interface: numbers and structures of <asm/kvm.h>. KVM_MEMORY_ENCRYPT_OP is in sev_uapi.hpp.

#include "kvm/uapi.hpp"

namespace gmem::kvm::uapi {

struct TdxCommand final {
    std::uint32_t id, flags;
    std::uint64_t data;
    std::uint64_t hw_error; // out: the module's
};
static_assert(sizeof(TdxCommand) == 24);

enum TdxId : std::uint32_t {
    tdx_capabilities = 0,
    tdx_init_vm = 1,
    tdx_init_vcpu = 2,
    tdx_init_mem_region = 3,
    tdx_finalize_vm = 4,
    tdx_get_cpuid = 5,
};
inline constexpr std::uint32_t tdx_measure_memory_region { 1u << 0 };

struct CpuidEntry2 final {
    std::uint32_t function, index, flags, eax, ebx, ecx, edx, padding[3];
};
static_assert(sizeof(CpuidEntry2) == 40);
struct Cpuid2 final { // the entries follow
    std::uint32_t nent, padding;
};
static_assert(sizeof(Cpuid2) == 8);
inline constexpr std::uint32_t most_cpuid_entries { 256 };

struct TdxCapabilities final { // struct kvm_cpuid2 follows
    std::uint64_t supported_attributes, supported_xfam;
    std::uint64_t tdvmcall[4]; // kernel and user, r11 and r12
    std::uint64_t reserved[250];
};
static_assert(sizeof(TdxCapabilities) == 2048);

struct TdxInitVm final { // struct kvm_cpuid2 follows
    std::uint64_t attributes, xfam;
    std::uint64_t mrconfigid[6], mrowner[6], mrownerconfig[6];
    std::uint64_t reserved[12];
};
static_assert(sizeof(TdxInitVm) == 256);

struct TdxInitMemRegion final {
    std::uint64_t source_addr, gpa, nr_pages;
};
static_assert(sizeof(TdxInitMemRegion) == 24);

} // namespace gmem::kvm::uapi
