/*
 * An SNP launch through KVM's own ioctls: what succeeds, what is refused and how, and what is then in memory. The argument names one flow whose digest the
 * caller looks at ("zero", "normal", "uaddr", "mix"), or "off": in-place conversion is off; without it, all cases. Exit 0; 1 with the line; 77 when a case cannot run here.
 */
#include "launch.h"

static void whole_flow(int with_source)
{
    static unsigned char p[PAGE] __attribute__((aligned(PAGE))), q[PAGE] __attribute__((aligned(PAGE)));
    pattern(p, 0), pattern(q, 1);
    begin_snp();
    if (!with_source)
        memcpy(window, p, PAGE), memcpy(window + PAGE, q, PAGE);
    CHECK(make_private(0, 6) == 0);
    CHECK(update(0, 1, with_source ? p : NULL, NORMAL) == 0 && update(1, 1, with_source ? q : NULL, NORMAL) == 0);
    CHECK(update(2, 1, with_source ? (void *)1 : NULL, ZERO) == 0); /* where nobody looks at uaddr */
    CHECK(update(3, 1, with_source ? p : NULL, UNMEASURED) == 0 && update(4, 1, with_source ? p : NULL, SECRETS) == 0);
    static struct cpuid_page cpuid __attribute__((aligned(PAGE)));
    CHECK(update(5, 1, with_source ? &cpuid : NULL, CPUID) == 0);
    CHECK(finish() == 0 && fw_error == 0);
    /* What the host gets back is what the firmware has encrypted, and not the plain bytes. */
    CHECK(look(window) == -1 && make_shared(0, 1) == 0 && memcmp(window, p, PAGE) != 0);
    CHECK(FAILS(update(6, 1, NULL, ZERO), EIO) && make_private(6, 1) == 0 && FAILS(update(6, 1, NULL, ZERO), EIO) && fw_error == FW_INVALID_GUEST_STATE);
    CHECK(FAILS(finish(), EIO) && fw_error == FW_INVALID_GUEST_STATE && FAILS(snp_start_with(POLICY), EINVAL));
}

/* Seed 002, in place: load, convert, LAUNCH_UPDATE corrects, convert back, read, convert, LAUNCH_UPDATE. */
static void cpuid_in_place(int variant)
{
    (void)variant;
    begin_snp();
    struct cpuid_page *cpuid = (void *)window;
    cpuid->count = 1;
    cpuid->entries[0].eax_in = 0x7fff; /* a leaf that the firmware does not know must be zero */
    cpuid->entries[0].ebx = 0x1234;
    CHECK(make_private(0, 1) == 0);
    CHECK(FAILS(update(0, 1, NULL, CPUID), EIO) && fw_error == FW_INVALID_PARAM);
    CHECK(look(window) == -1);
    CHECK(make_shared(0, 1) == 0 && cpuid->count == 1 && cpuid->entries[0].eax_in == 0x7fff && cpuid->entries[0].ebx == 0);
    CHECK(make_private(0, 1) == 0 && update(0, 1, NULL, CPUID) == 0 && fw_error == 0xffffffff);
    CHECK(finish() == 0);
}

/* The same with a page of the program's, to which the corrected table comes back. */
static void cpuid_with_source(int variant)
{
    (void)variant;
    static struct cpuid_page cpuid __attribute__((aligned(PAGE)));
    begin_snp();
    cpuid.count = 1;
    cpuid.entries[0].eax_in = 0x7fff;
    cpuid.entries[0].ebx = 0x1234;
    CHECK(make_private(0, 1) == 0);
    CHECK(FAILS(update(0, 1, &cpuid, CPUID), EIO) && fw_error == FW_INVALID_PARAM && cpuid.entries[0].ebx == 0 && cpuid.count == 1);
    CHECK(update(0, 1, &cpuid, CPUID) == 0);
    cpuid.reserved1 = 1; /* malformed: nothing is written back */
    cpuid.entries[0].ebx = 0x1234;
    CHECK(make_private(1, 1) == 0 && FAILS(update(1, 1, &cpuid, CPUID), EIO) && fw_error == FW_INVALID_PARAM && cpuid.entries[0].ebx == 0x1234);
}

/* What QEMU writes of SEV: the C-bit, and one physical address bit fewer than there are. A C-bit elsewhere is corrected. */
static void cpuid_of_qemu(int variant)
{
    (void)variant;
    static struct cpuid_page cpuid __attribute__((aligned(PAGE)));
    begin_snp();
    cpuid.count = 1;
    cpuid.entries[0].eax_in = 0x8000001f;
    cpuid.entries[0].eax = 0x1a;
    cpuid.entries[0].ebx = 47 | 1 << 6;
    CHECK(make_private(0, 1) == 0 && FAILS(update(0, 1, &cpuid, CPUID), EIO) && fw_error == FW_INVALID_PARAM && cpuid.entries[0].ebx != (47 | 1 << 6));
    cpuid.entries[0].ebx = 51 | 1 << 6;
    CHECK(update(0, 1, &cpuid, CPUID) == 0);
}

/* A shared page in the middle: what is before it is done, and the call says so. */
static void partial(int with_source)
{
    begin_snp();
    unsigned char *source = with_source ? map_file(create(vm, MEMORY, FLAG_MMAP | FLAG_INIT_SHARED), MEMORY) : NULL;
    CHECK(make_private(0, 8) == 0 && make_shared(5, 1) == 0);
    struct snp_update u = update_of(0, 8, source, NORMAL);
    CHECK(sev_call(SNP_UPDATE, &u) == 0);
    CHECK(u.gfn_start == DATA / PAGE + 5 && u.len == 3 * PAGE && u.uaddr == (source ? (uintptr_t)source + 5 * PAGE : 0));
    CHECK(FAILS(sev_call(SNP_UPDATE, &u), EIO) && fw_error == 0 && u.len == 3 * PAGE);
    CHECK(make_private(5, 1) == 0 && sev_call(SNP_UPDATE, &u) == 0 && u.len == 0);
    CHECK(FAILS(update(5, 1, source, NORMAL), EIO)); /* a page that is assigned already */
    if (source) {                                   /* and a source that is no memory */
        CHECK(make_private(8, 2) == 0 && munmap(source + MEMORY - PAGE, PAGE) == 0);
        CHECK(FAILS(update(8, 1, source + MEMORY - PAGE, NORMAL), EIO) && fw_error == 0);
        u = update_of(8, 2, source + MEMORY - 2 * PAGE, NORMAL);
        CHECK(sev_call(SNP_UPDATE, &u) == 0 && u.len == PAGE);
    }
    /* A range that ends with its memslot. */
    CHECK(make_private(MEMORY / PAGE - 2, 2) == 0);
    u = update_of(MEMORY / PAGE - 2, 4, NULL, ZERO);
    CHECK(sev_call(SNP_UPDATE, &u) == 0 && u.len == 2 * PAGE);
    CHECK(FAILS(sev_call(SNP_UPDATE, &u), EINVAL));
}

static void refusals(int variant)
{
    (void)variant;
    make_vm(SNP_VM);
    struct sev_init2 init;
    struct snp_start start;
    memset(&init, 0, sizeof init), memset(&start, 0, sizeof start);
    CHECK(ioctl(vm, MEMORY_ENCRYPT_OP, NULL) == 0 && FAILS(ioctl(vm, MEMORY_ENCRYPT_OP, (void *)8), EFAULT));
    CHECK(FAILS(sev_call(SEV_INIT, NULL), EINVAL) && FAILS(sev_call(SEV_ES_INIT, NULL), EINVAL) && FAILS(sev_call(SEV_LAUNCH_START, NULL), ENOTTY));
    CHECK(FAILS(snp_start_with(POLICY), ENOTTY) && FAILS(update(0, 1, NULL, ZERO), EINVAL) && FAILS(finish(), ENOTTY));
    CHECK(FAILS(sev_call(SEV_INIT2, (void *)8), EFAULT));
    init.flags = 1;
    CHECK(FAILS(sev_call(SEV_INIT2, &init), EINVAL));
    init.flags = 0, init.ghcb_version = 3;
    CHECK(FAILS(sev_call(SEV_INIT2, &init), EINVAL));
    init.ghcb_version = 0, init.vmsa_features = 1; /* SNP itself is not asked for: it is there */
    CHECK(FAILS(sev_call(SEV_INIT2, &init), EINVAL));
    CHECK(snp_init2() == 0);
    CHECK(FAILS(snp_init2(), EPERM) && FAILS(sev_call(SEV_LAUNCH_START, NULL), EPERM));
    CHECK(FAILS(update(0, 1, NULL, ZERO), EINVAL) && FAILS(finish(), EINVAL) && FAILS(sev_call(103, NULL), EINVAL));
    CHECK(FAILS(sev_call(SNP_START, (void *)8), EFAULT));
    CHECK(FAILS(snp_start_with(0), EINVAL) && FAILS(snp_start_with(POLICY | UINT64_C(1) << 40), EINVAL));
    start.policy = POLICY, start.flags = 1;
    CHECK(FAILS(sev_call(SNP_START, &start), EINVAL));
    int device = sev;
    sev = kvm;
    CHECK(FAILS(snp_start_with(POLICY), EBADF));
    sev = device;
    CHECK(FAILS(snp_start_with(POLICY | 0x200), EIO) && fw_error == FW_POLICY_FAILURE); /* a newer firmware than there is */
    CHECK(snp_start_with(POLICY) == 0 && FAILS(snp_start_with(POLICY), EINVAL));

    struct snp_update u = update_of(0, 1, NULL, ZERO);
    CHECK(FAILS(sev_call(SNP_UPDATE, (void *)8), EFAULT));
    u.flags = 1;
    CHECK(FAILS(sev_call(SNP_UPDATE, &u), EINVAL));
    u = update_of(0, 0, NULL, ZERO);
    CHECK(FAILS(sev_call(SNP_UPDATE, &u), EINVAL));
    u.len = PAGE + 1;
    CHECK(FAILS(sev_call(SNP_UPDATE, &u), EINVAL));
    CHECK(FAILS(update(0, 1, NULL, VMSA), EINVAL) && FAILS(update(0, 1, NULL, 0), EINVAL) && FAILS(update(0, 1, NULL, 7), EINVAL));
    CHECK(FAILS(update(MEMORY / PAGE, 1, NULL, ZERO), EINVAL)); /* no memslot */
    CHECK(FAILS(update(0, 1, NULL, ZERO), EIO));                /* a shared page */
    CHECK(make_private(0, 1) == 0 && FAILS(update(0, 1, window + 1, NORMAL), EIO) && FAILS(update(0, 1, window, NORMAL), EIO));
    sev = kvm;
    CHECK(FAILS(update(0, 1, NULL, ZERO), EIO) && FAILS(finish(), EBADF));
    sev = device;
    CHECK(update(0, 1, NULL, ZERO) == 0 && FAILS(update(0, 1, NULL, ZERO), EIO));

    struct snp_finish f;
    memset(&f, 0, sizeof f);
    f.flags = 1;
    CHECK(FAILS(sev_call(SNP_FINISH, &f), EINVAL));
    f.flags = 0, f.id_block_en = 1;
    CHECK(FAILS(sev_call(SNP_FINISH, &f), EINVAL));
    f.id_block = f.id_auth = 8;
    CHECK(FAILS(sev_call(SNP_FINISH, &f), EFAULT));
    static unsigned char block[96], authentication[4096];
    f.id_block = (uintptr_t)block, f.id_auth = (uintptr_t)authentication;
    CHECK(FAILS(sev_call(SNP_FINISH, &f), EIO) && fw_error == FW_BAD_MEASUREMENT);
    CHECK(finish() == 0);
}

/* An owner's key, and its signature of the block that begins with the digest of one zero page at 0x1000: numbers, little endian. */
static const char *const signature_r = "a3b96898c6164b4697cf7837dc7619a62debf8bc5841864ce009bd6b82cf6716f1ae946af826f2c16273528835fbe87a",
                  *const signature_s = "10933d59007956e5adade96fde2bd94b874e1aae6027de8e6ec398bffaab8d56fa8edf54028b4e66726d18441139afe3",
                  *const key_x = "cd006d0a04d91f702fa3f1be4d98e063d8b488979a3aff8bafbd67e35805f29d20f53938c0d8f313273391410af05bad",
                  *const key_y = "1ed932b095ccb62687dd804ea6e67989df043e0a76314ff8482c88b38bb33a0b4283022ba9f9ef26743d47c8780cdf0e",
                  *const digest_of_zero = "4bd4147976a1e7554c1c778a781affc1c672f1965a727ba16084989b7e356044a28bbe585a2f75dac9356fa5ab78f061";

static void put_hex(unsigned char *to, const char *hex)
{
    unsigned byte;
    for (; *hex && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        *to++ = (unsigned char)byte;
}

/* A launch that its owner has signed: the block must be of this digest and policy, and signed with its key. */
static void id_block(int variant)
{
    static unsigned char block[96], authentication[4096];
    uint32_t one = 1, curve = 2;
    uint64_t policy = POLICY;
    put_hex(block, digest_of_zero);
    memcpy(block + 80, &one, 4), memcpy(block + 88, &policy, 8);
    memcpy(authentication, &one, 4);
    put_hex(authentication + 0x40, signature_r), put_hex(authentication + 0x40 + 72, signature_s);
    memcpy(authentication + 0x240, &curve, 4);
    put_hex(authentication + 0x244, key_x), put_hex(authentication + 0x244 + 72, key_y);
    make_vm(SNP_VM);
    CHECK(snp_init2() == 0 && snp_start_with(variant == 1 ? POLICY | 1 << 19 : POLICY) == 0);
    CHECK(set_slot(vm, 0, 0, 0, 0, -1, 0) == 0 && set_slot(vm, 0, 0, MEMORY, 0, memory, 0) == 0 && make_private(0, 4) == 0);
    struct snp_update u = { .gfn_start = variant == 2 ? 2 : 1, .len = PAGE, .type = ZERO };
    CHECK(sev_call(SNP_UPDATE, &u) == 0);
    struct snp_finish f;
    memset(&f, 0, sizeof f);
    f.id_block = (uintptr_t)block, f.id_auth = (uintptr_t)authentication, f.id_block_en = 1;
    if (variant == 3)
        authentication[0x50] ^= 1;
    static const uint32_t answers[] = { 0, FW_POLICY_FAILURE, FW_BAD_MEASUREMENT, FW_BAD_SIGNATURE };
    CHECK((sev_call(SNP_FINISH, &f) == 0) == (variant == 0) && fw_error == answers[variant]);
    CHECK(FAILS(update(3, 1, NULL, ZERO), EINVAL)); /* no memslot there any more */
    if (variant == 3) {
        authentication[0x50] ^= 1;
        CHECK(sev_call(SNP_FINISH, &f) == 0);
    }
}

/* In-place off: the bytes must come from elsewhere. */
static void not_in_place(int variant)
{
    (void)variant;
    static unsigned char p[PAGE] __attribute__((aligned(PAGE)));
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    sev = open("/dev/sev", O_RDWR | O_CLOEXEC);
    vm = ioctl(kvm, KVM_CREATE_VM, SNP_VM);
    memory = create(vm, MEMORY, 0);
    CHECK(set_slot(vm, 0, DATA, MEMORY, 0, memory, 0) == 0);
    CHECK(snp_init2() == 0 && snp_start_with(POLICY) == 0);
    CHECK(FAILS(update(0, 1, p, NORMAL), EIO)); /* the VM says that it is shared */
    uint64_t attributes[4] = { DATA, 2 * PAGE, PRIVATE, 0 };
    CHECK(ioctl(vm, _IOW(KVMIO, 0xd2, uint64_t[4]), attributes) == 0);
    CHECK(FAILS(update(0, 1, NULL, NORMAL), EIO) && fw_error == 0);
    CHECK(update(0, 1, p, NORMAL) == 0 && update(1, 1, NULL, ZERO) == 0 && finish() == 0);
}

/* What a VMM asks before it begins. */
static void devices(int variant)
{
    (void)variant;
    make_vm(SNP_VM);
    struct { uint32_t flags, group; uint64_t attr, addr; } attribute = { 0, 1, 0, 0 };
    uint64_t features = 0;
    attribute.addr = (uintptr_t)&features;
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, 209) == 1);
    CHECK(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &attribute) == 0 && ioctl(kvm, KVM_GET_DEVICE_ATTR, &attribute) == 0 && features == 0x20);
    attribute.attr = 7;
    CHECK(FAILS(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &attribute), ENXIO));

    struct { uint32_t cmd; uint64_t data; uint32_t error; } __attribute__((packed)) issue = { 9, 0, 1 };
    unsigned char status[32];
    issue.data = (uintptr_t)status;
    CHECK(ioctl(sev, 0xC0105300ul, &issue) == 0 && issue.error == 0 && status[0] == 1 && status[1] == 55 && status[2] == 1 && status[12] == 0);
    CHECK(snp_init2() == 0 && snp_start_with(POLICY) == 0);
    CHECK(ioctl(sev, 0xC0105300ul, &issue) == 0 && status[12] == 1);
    issue.cmd = 99;
    CHECK(FAILS(ioctl(sev, 0xC0105300ul, &issue), EINVAL));
    uint64_t region[2] = { (uintptr_t)window, MEMORY };
    CHECK(ioctl(vm, _IOR(KVMIO, 0xbb, uint64_t[2]), region) == 0 && ioctl(vm, _IOR(KVMIO, 0xbc, uint64_t[2]), region) == 0);
    int other = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
    CHECK(FAILS(ioctl(other, MEMORY_ENCRYPT_OP, &issue), ENOTTY));
}

/* The CPUID page is made of what KVM_GET_CPUID2 says: what was set, whatever this host's processor is. */
static void cpuid_reads_back(int variant)
{
    (void)variant;
    make_vm(SNP_VM);
    CHECK(snp_init2() == 0);
    int first = ioctl(vm, KVM_CREATE_VCPU, 0);
    if (first < 0 && errno == ENODEV)
        return;
    int second = ioctl(vm, KVM_CREATE_VCPU, 1);
    struct cpuid2 set = { .nent = 2, .entries = { { .function = 0, .eax = 7, .ebx = 0x68747541, .ecx = 0x444d4163, .edx = 0x69746e65 }, { .function = 7, .flags = 1, .eax = 1, .ebx = 1 } } }, got;
    CHECK(second >= 0 && ioctl(first, KVM_SET_CPUID2, &set) == 0);
    memset(&got, 0, sizeof got);
    if (FAILS(ioctl(first, KVM_GET_CPUID2, &got), ENOTTY))
        return; /* a scripted vCPU has none */
    got.nent = 1;
    CHECK(FAILS(ioctl(first, KVM_GET_CPUID2, &got), E2BIG) && got.nent == 2 && got.entries[0].eax == 0);
    got.nent = 8;
    CHECK(ioctl(first, KVM_GET_CPUID2, &got) == 0 && memcmp(&got, &set, sizeof set) == 0);
    CHECK(FAILS(ioctl(first, KVM_GET_CPUID2, (void *)8), EFAULT) && FAILS(ioctl(first, KVM_SET_CPUID2, (void *)8), EFAULT));
    struct cpuid2 many = { .nent = 257 };
    CHECK(FAILS(ioctl(first, KVM_SET_CPUID2, &many), E2BIG));
    set.nent = 1, set.entries[0].eax = 1;
    CHECK(ioctl(second, KVM_SET_CPUID2, &set) == 0);
    got.nent = 8;
    CHECK(ioctl(second, KVM_GET_CPUID2, &got) == 0 && got.nent == 1 && got.entries[0].eax == 1);
    got.nent = 8;
    CHECK(ioctl(first, KVM_GET_CPUID2, &got) == 0 && got.nent == 2 && got.entries[0].eax == 7);
}

/* The flows whose digests are known. */
static void measured(const char *flow)
{
    static unsigned char p[PAGE] __attribute__((aligned(PAGE))), q[PAGE] __attribute__((aligned(PAGE)));
    pattern(p, 0), pattern(q, 1);
    begin_snp();
    uint64_t at = 0;
    CHECK(set_slot(vm, 0, 0, 0, 0, -1, 0) == 0);
    CHECK(set_slot(vm, 0, 0, MEMORY, 0, memory, 0) == 0 && set_slot(vm, 1, MEMORY, MEMORY, 0, create(vm, MEMORY, 0), 0) == 0);
#define UPDATE(gfn, type, source)                                                     \
    do {                                                                              \
        struct snp_update u = update_of(0, 1, source, type);                          \
        u.gfn_start = (gfn);                                                          \
        CHECK(sev_call(SNP_UPDATE, &u) == 0);                                         \
    } while (0)
    if (strcmp(flow, "zero") == 0) {
        CHECK(make_private(1, 1) == 0);
        UPDATE(1, ZERO, NULL);
    } else { /* p at 1 MiB: in place it needs a window of its own */
        int second = create(vm, MEMORY, FLAG_MMAP | FLAG_INIT_SHARED);
        CHECK(set_slot(vm, 1, 0, 0, 0, -1, 0) == 0 && set_slot(vm, 1, MEMORY, MEMORY, 0, second, 0) == 0);
        unsigned char *w = map_file(second, MEMORY);
        int in_file = strcmp(flow, "uaddr") != 0;
        if (in_file)
            memcpy(w, p, PAGE), memcpy(w + PAGE, q, PAGE);
        CHECK(convert(second, 0, 6 * PAGE, PRIVATE) == 0);
        at = MEMORY / PAGE;
        UPDATE(at, NORMAL, in_file ? NULL : p);
        if (strcmp(flow, "mix") == 0) {
            UPDATE(at + 1, NORMAL, NULL);
            UPDATE(at + 2, ZERO, NULL);
            UPDATE(at + 3, UNMEASURED, NULL);
            UPDATE(at + 4, SECRETS, NULL);
            UPDATE(at + 5, CPUID, NULL);
        }
    }
    CHECK(finish() == 0);
}

int main(int argc, char **argv)
{
    case_without_kvm = 1;
    if (argc > 1 && strcmp(argv[1], "off") == 0) {
        run_case("not in place", not_in_place, 0);
        return cases_result("launch snp");
    }
    if (argc > 1) {
        measured(argv[1]);
        return 0;
    }
    for (int i = 0; i < 2; ++i) {
        run_case("whole flow", whole_flow, i);
        run_case("partial progress", partial, i);
    }
    run_case("CPUID in place", cpuid_in_place, 0);
    run_case("CPUID with a source", cpuid_with_source, 0);
    run_case("CPUID reads back", cpuid_reads_back, 0);
    run_case("CPUID of QEMU", cpuid_of_qemu, 0);
    run_case("refusals", refusals, 0);
    run_case("devices", devices, 0);
    for (int i = 0; i < 4; ++i)
        run_case("ID block", id_block, i);
    return cases_result("launch snp");
}
