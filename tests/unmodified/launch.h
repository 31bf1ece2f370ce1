/* What a VMM that launches SNP and TDX VMs takes from <linux/kvm.h> and <asm/kvm.h>, which distributions' headers do not have yet. */
#ifndef GMEM_TESTS_LAUNCH_H
#define GMEM_TESTS_LAUNCH_H

#include "cases.h"

#include <assert.h>

enum { SNP_VM = 4, TDX_VM = 5, MEMORY = 1 << 20, IMAGE_PAGES = 16 };
#define MEMORY_ENCRYPT_OP _IOWR(KVMIO, 0xba, unsigned long)

enum { SEV_INIT = 0, SEV_ES_INIT = 1, SEV_LAUNCH_START = 2, SEV_INIT2 = 22, SNP_START = 100, SNP_UPDATE = 101, SNP_FINISH = 102 };
enum { NORMAL = 1, VMSA = 2, ZERO = 3, UNMEASURED = 4, SECRETS = 5, CPUID = 6 };
enum { FW_INVALID_GUEST_STATE = 2, FW_POLICY_FAILURE = 7, FW_BAD_SIGNATURE = 0xa, FW_BAD_MEASUREMENT = 0xb, FW_INVALID_PARAM = 0x16 };

struct sev_cmd { uint32_t id, pad; uint64_t data; uint32_t error, sev_fd; };
struct sev_init2 { uint64_t vmsa_features; uint32_t flags; uint16_t ghcb_version, pad1; uint32_t pad2[8]; };
struct snp_start { uint64_t policy; uint8_t gosvw[16]; uint16_t flags; uint8_t pad0[6]; uint64_t pad1[4]; };
struct snp_update { uint64_t gfn_start, uaddr, len; uint8_t type, pad0; uint16_t flags; uint32_t pad1; uint64_t pad2[4]; };
struct snp_finish { uint64_t id_block, id_auth; uint8_t id_block_en, auth_key_en, vcek_disabled, host_data[32], pad0[3]; uint16_t flags; uint64_t pad1[4]; };
static_assert(sizeof(struct sev_cmd) == 24 && sizeof(struct sev_init2) == 48 && sizeof(struct snp_start) == 64, "uAPI");
static_assert(sizeof(struct snp_update) == 64 && sizeof(struct snp_finish) == 88, "uAPI");

struct cpuid_entry { uint32_t eax_in, ecx_in; uint64_t xcr0_in, xss_in; uint32_t eax, ebx, ecx, edx; uint64_t reserved; };
struct cpuid_page { uint32_t count, reserved1; uint64_t reserved2; struct cpuid_entry entries[64]; uint8_t rest[4096 - 16 - 64 * 48]; };
static_assert(sizeof(struct cpuid_page) == 4096, "firmware ABI");

enum { TDX_CAPABILITIES, TDX_INIT_VM, TDX_INIT_VCPU, TDX_INIT_MEM_REGION, TDX_FINALIZE_VM, TDX_GET_CPUID };
struct tdx_cmd { uint32_t id, flags; uint64_t data, hw_error; };
struct tdx_region { uint64_t source, gpa, pages; };
struct cpuid2 { uint32_t nent, padding; struct { uint32_t function, index, flags, eax, ebx, ecx, edx, padding[3]; } entries[8]; };
struct tdx_capabilities { uint64_t attributes, xfam, tdvmcall[4], reserved[250]; struct cpuid2 cpuid; };
struct tdx_init_vm { uint64_t attributes, xfam, mrconfigid[6], mrowner[6], mrownerconfig[6], reserved[12]; struct cpuid2 cpuid; };
static_assert(offsetof(struct tdx_capabilities, cpuid) == 2048 && offsetof(struct tdx_init_vm, cpuid) == 256, "uAPI");

static unsigned char *window; /* of the guest's memory, which lies at DATA */
static int vm, memory, sev;

/* A VM with one guest_memfd, all shared, mapped and bound. */
static inline void make_vm(int type)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    sev = open("/dev/sev", O_RDWR | O_CLOEXEC);
    CHECK(sev >= 0);
    vm = ioctl(kvm, KVM_CREATE_VM, type);
    CHECK(vm >= 0);
    memory = create(vm, MEMORY, FLAG_MMAP | FLAG_INIT_SHARED);
    window = map_file(memory, MEMORY);
    CHECK(set_slot(vm, 0, DATA, MEMORY, 0, memory, 0) == 0);
    expect_sigbus();
}

/* The vectors' page p (seed 0) and q (seed 1). */
static inline void pattern(unsigned char *page, unsigned seed)
{
    for (unsigned i = 0; i < PAGE; ++i)
        page[i] = (unsigned char)(i * 7 + seed + (i >> 8));
}

static uint32_t fw_error;
static inline int sev_call(uint32_t id, void *data)
{
    struct sev_cmd c = { .id = id, .data = (uintptr_t)data, .error = 0xffffffff, .sev_fd = (uint32_t)sev };
    int result = ioctl(vm, MEMORY_ENCRYPT_OP, &c);
    fw_error = c.error;
    return result;
}
static inline int snp_init2(void)
{
    struct sev_init2 i;
    memset(&i, 0, sizeof i);
    return sev_call(SEV_INIT2, &i);
}
static inline int snp_start_with(uint64_t policy)
{
    struct snp_start s;
    memset(&s, 0, sizeof s);
    s.policy = policy;
    return sev_call(SNP_START, &s);
}
static inline struct snp_update update_of(uint64_t page, uint64_t pages, const void *source, uint8_t type)
{
    struct snp_update u;
    memset(&u, 0, sizeof u);
    u.gfn_start = DATA / PAGE + page;
    u.uaddr = (uintptr_t)source;
    u.len = pages * PAGE;
    u.type = type;
    return u;
}
/* All of it, in one call. */
static inline int update(uint64_t page, uint64_t pages, const void *source, uint8_t type)
{
    struct snp_update u = update_of(page, pages, source, type);
    int result = sev_call(SNP_UPDATE, &u);
    if (result == 0)
        CHECK(u.len == 0 && u.gfn_start == DATA / PAGE + page + pages && u.uaddr == (source && type != ZERO ? (uintptr_t)source + pages * PAGE : (uintptr_t)source));
    return result;
}
static inline int finish(void)
{
    struct snp_finish f;
    memset(&f, 0, sizeof f);
    return sev_call(SNP_FINISH, &f);
}
enum { POLICY = 0x30000 };
static inline void begin_snp(void)
{
    make_vm(SNP_VM);
    CHECK(snp_init2() == 0 && snp_start_with(POLICY) == 0 && fw_error == 0);
}
static inline int make_private(uint64_t page, uint64_t pages) { return convert(memory, page * PAGE, pages * PAGE, PRIVATE); }
static inline int make_shared(uint64_t page, uint64_t pages) { return convert(memory, page * PAGE, pages * PAGE, 0); }

static uint64_t hw_error;
static inline int tdx_call(int fd, uint32_t id, uint32_t flags, void *data)
{
    struct tdx_cmd c = { id, flags, (uintptr_t)data, 0 };
    int result = ioctl(fd, MEMORY_ENCRYPT_OP, &c);
    hw_error = c.hw_error;
    return result;
}
static inline struct tdx_init_vm init_vm_of(unsigned address_bits)
{
    struct tdx_init_vm i;
    memset(&i, 0, sizeof i);
    i.xfam = 3;
    i.cpuid.nent = 1;
    i.cpuid.entries[0].function = 0x80000008;
    i.cpuid.entries[0].eax = address_bits << 16 | 48;
    return i;
}

#endif
