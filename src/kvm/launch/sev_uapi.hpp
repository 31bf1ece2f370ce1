#pragma once
// SEV in the KVM interface, and /dev/sev: numbers and structures of <linux/kvm.h> and <linux/psp-sev.h>, as far as an SNP launch needs them.

#include "kvm/uapi.hpp"

namespace gmem::kvm::uapi {

inline constexpr unsigned long memory_encrypt_op { iowr(0xba, sizeof(unsigned long)) };
inline constexpr unsigned long memory_encrypt_reg_region { ior(0xbb, 16) };
inline constexpr unsigned long memory_encrypt_unreg_region { ior(0xbc, 16) };
static_assert(memory_encrypt_op == 0xC008AEBA && memory_encrypt_reg_region == 0x8010AEBB && memory_encrypt_unreg_region == 0x8010AEBC);

struct SevCommand final {
    std::uint32_t id, pad;
    std::uint64_t data;
    std::uint32_t error; // out: the firmware's
    std::uint32_t sev_fd;
};
static_assert(sizeof(SevCommand) == 24);

enum SevId : std::uint32_t {
    sev_init = 0,
    sev_es_init = 1,
    sev_init2 = 22,
    sev_snp_launch_start = 100,
    sev_snp_launch_update = 101,
    sev_snp_launch_finish = 102,
};

struct SevInit2 final {
    std::uint64_t vmsa_features;
    std::uint32_t flags;
    std::uint16_t ghcb_version, pad1;
    std::uint32_t pad2[8];
};
static_assert(sizeof(SevInit2) == 48);

struct SnpLaunchStart final {
    std::uint64_t policy;
    std::byte gosvw[16];
    std::uint16_t flags;
    std::uint8_t pad0[6];
    std::uint64_t pad1[4];
};
static_assert(sizeof(SnpLaunchStart) == 64);

struct SnpLaunchUpdate final {
    std::uint64_t gfn_start, uaddr, len;
    std::uint8_t type, pad0;
    std::uint16_t flags;
    std::uint32_t pad1;
    std::uint64_t pad2[4];
};
static_assert(sizeof(SnpLaunchUpdate) == 64);

struct SnpLaunchFinish final {
    std::uint64_t id_block_uaddr, id_auth_uaddr;
    std::uint8_t id_block_en, auth_key_en, vcek_disabled;
    std::byte host_data[32];
    std::uint8_t pad0[3];
    std::uint16_t flags;
    std::uint64_t pad1[4];
};
static_assert(sizeof(SnpLaunchFinish) == 88 && offsetof(SnpLaunchFinish, host_data) == 19 && offsetof(SnpLaunchFinish, flags) == 54);

struct EncryptedRegion final {
    std::uint64_t addr, size;
};
static_assert(sizeof(EncryptedRegion) == 16);

// Attributes of /dev/kvm itself.
struct DeviceAttribute final {
    std::uint32_t flags, group;
    std::uint64_t attr, addr;
};
static_assert(sizeof(DeviceAttribute) == 24);
inline constexpr unsigned long get_device_attr { iow(0xe2, sizeof(DeviceAttribute)) };
inline constexpr unsigned long has_device_attr { iow(0xe3, sizeof(DeviceAttribute)) };
static_assert(get_device_attr == 0x4018AEE2 && has_device_attr == 0x4018AEE3);
inline constexpr std::uint32_t x86_group_sev { 1 };
enum X86SevAttribute : std::uint64_t { x86_sev_vmsa_features = 0, x86_snp_policy_bits = 1 };

// /dev/sev. Both structures are packed.
struct [[gnu::packed]] SevIssueCommand final {
    std::uint32_t cmd;
    std::uint64_t data;
    std::uint32_t error;
};
static_assert(sizeof(SevIssueCommand) == 16);
inline constexpr unsigned long sev_issue_cmd { 3ul << 30 | sizeof(SevIssueCommand) << 16 | 'S' << 8 };
static_assert(sev_issue_cmd == 0xC0105300);
enum SevDeviceCommand : std::uint32_t { sev_platform_status = 1, sev_last_command = 12, snp_platform_status = 9 };

struct [[gnu::packed]] SevStatus final {
    std::uint8_t api_major, api_minor, state;
    std::uint32_t flags;
    std::uint8_t build;
    std::uint32_t guest_count;
};
static_assert(sizeof(SevStatus) == 12);

struct [[gnu::packed]] SnpStatus final {
    std::uint8_t api_major, api_minor, state, is_rmp_initialized;
    std::uint32_t build_id, flags, guest_count;
    std::uint64_t current_tcb_version, reported_tcb_version;
};
static_assert(sizeof(SnpStatus) == 32);

} // namespace gmem::kvm::uapi
