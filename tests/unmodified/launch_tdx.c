/*
 * A TDX launch through KVM's own ioctls. It needs vCPUs: `gmem run --vcpu=scripted`, or a real /dev/kvm. The argument names one flow whose digest, or whose
 * report of a page that nobody wrote, the caller looks at ("empty", "unmeasured", "measured", "source", "written", "never"), or "off": in-place conversion is off; without it, all cases.
 * Exit 0; 1 with the line; 77 when there is no vCPU here.
 */
#include "launch.h"

static int vcpu;

static int new_vcpu(int id)
{
    int fd = ioctl(vm, KVM_CREATE_VCPU, id);
    if (fd < 0 && errno == ENODEV)
        exit(SKIP);
    return fd;
}

static void begin_tdx(void)
{
    make_vm(TDX_VM);
    struct tdx_init_vm i = init_vm_of(48);
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &i) == 0);
    vcpu = new_vcpu(0);
    CHECK(vcpu >= 0 && tdx_call(vcpu, TDX_INIT_VCPU, 0, NULL) == 0);
}

static int add(uint64_t page, uint64_t pages, const void *source, uint32_t flags)
{
    struct tdx_region r = { (uintptr_t)source, DATA + page * PAGE, pages };
    int result = tdx_call(vcpu, TDX_INIT_MEM_REGION, flags, &r);
    if (result == 0)
        CHECK(r.pages == 0 && r.gpa == DATA + (page + pages) * PAGE && r.source == (source ? (uintptr_t)source + pages * PAGE : 0));
    return result;
}

static int finalize(void) { return tdx_call(vm, TDX_FINALIZE_VM, 0, NULL); }

/* The image in place, in the seven steps; or from a source. */
static void whole_flow(int with_source)
{
    static unsigned char p[2 * PAGE] __attribute__((aligned(PAGE)));
    pattern(p, 0), pattern(p + PAGE, 1);
    begin_tdx();
    if (!with_source)
        memcpy(window, p, sizeof p);
    CHECK(make_private(0, 2) == 0 && add(0, 2, with_source ? p : NULL, 1) == 0);
    CHECK(look(window) == -1);
    CHECK(FAILS(ioctl(vcpu, KVM_RUN, 0), EINVAL)); /* not before the end of the launch */
    uint64_t pre_fault[8] = { DATA, PAGE };
    CHECK(FAILS(ioctl(vcpu, _IOWR(KVMIO, 0xd5, uint64_t[8]), pre_fault), EOPNOTSUPP));
    CHECK(finalize() == 0 && hw_error == 0);
    CHECK(ioctl(vcpu, _IOWR(KVMIO, 0xd5, uint64_t[8]), pre_fault) == 0);
    CHECK(FAILS(finalize(), EINVAL) && FAILS(add(2, 1, NULL, 0), EINVAL));
    CHECK(FAILS(new_vcpu(1), EIO));
    CHECK(make_shared(0, 1) == 0 && look(window) == 0); /* what was in the Secure-EPT comes back as zeros */
}

static void partial(int with_source)
{
    static unsigned char pages[8 * PAGE] __attribute__((aligned(PAGE)));
    begin_tdx();
    CHECK(make_private(0, 8) == 0 && make_shared(5, 1) == 0);
    struct tdx_region r = { with_source ? (uintptr_t)pages : 0, DATA, 8 };
    CHECK(FAILS(tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, &r), EINVAL));
    CHECK(r.gpa == DATA + 5 * PAGE && r.pages == 3 && r.source == (with_source ? (uintptr_t)pages + 5 * PAGE : 0));
    CHECK(make_private(5, 1) == 0 && tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, &r) == 0 && r.pages == 0);
    CHECK(FAILS(add(7, 1, with_source ? pages : NULL, 0), EIO)); /* it is in the Secure-EPT */
    /* A page that leaves it before the end is the host's again, and may come back. */
    CHECK(make_shared(7, 1) == 0 && make_private(7, 1) == 0 && add(7, 1, NULL, 0) == 0);
    CHECK(finalize() == 0);
}

static volatile sig_atomic_t ticks;
static void on_tick(int number) { (void)number, ++ticks; }

/* A timer that never rests: regions end with EINTR, and go on where they were. */
static void interrupted(int variant)
{
    (void)variant;
    begin_tdx();
    signal(SIGALRM, on_tick);
    CHECK(make_private(0, MEMORY / PAGE) == 0);
    struct tdx_region r = { 0, DATA, MEMORY / PAGE };
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    struct itimerspec often = { { 0, 200000 }, { 0, 200000 } };
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &often, NULL) == 0);
    int interruptions = 0;
    while (tdx_call(vcpu, TDX_INIT_MEM_REGION, 1, &r) != 0) {
        CHECK(errno == EINTR && r.pages > 0 && r.gpa == DATA + MEMORY - r.pages * PAGE);
        ++interruptions;
    }
    CHECK(timer_delete(timer) == 0 && interruptions > 0 && ticks > 0 && r.pages == 0);
    CHECK(finalize() == 0);
}

static void refusals(int variant)
{
    (void)variant;
    make_vm(TDX_VM);
    CHECK(FAILS(ioctl(vm, MEMORY_ENCRYPT_OP, (void *)8), EFAULT));
    CHECK(FAILS(ioctl(vm, KVM_CREATE_VCPU, 0), EIO) && FAILS(finalize(), EINVAL) && FAILS(tdx_call(vm, 9, 0, NULL), EINVAL));
    struct tdx_cmd dirty = { TDX_FINALIZE_VM, 0, 0, 1 };
    CHECK(FAILS(ioctl(vm, MEMORY_ENCRYPT_OP, &dirty), EINVAL));

    static struct tdx_capabilities capabilities;
    CHECK(FAILS(tdx_call(vm, TDX_CAPABILITIES, 0, &capabilities), E2BIG) && FAILS(tdx_call(vm, TDX_CAPABILITIES, 1, &capabilities), EINVAL));
    capabilities.cpuid.nent = 8;
    CHECK(tdx_call(vm, TDX_CAPABILITIES, 0, &capabilities) == 0 && (capabilities.xfam & 3) == 3 && capabilities.cpuid.nent > 0 && capabilities.cpuid.nent < 8);

    struct tdx_init_vm i = init_vm_of(47);
    CHECK(FAILS(tdx_call(vm, TDX_INIT_VM, 0, &i), EINVAL));
    i = init_vm_of(48), i.attributes = 1;
    CHECK(FAILS(tdx_call(vm, TDX_INIT_VM, 0, &i), EINVAL));
    i = init_vm_of(48), i.xfam = 0;
    CHECK(FAILS(tdx_call(vm, TDX_INIT_VM, 0, &i), EINVAL));
    i = init_vm_of(48), i.reserved[11] = 1;
    CHECK(FAILS(tdx_call(vm, TDX_INIT_VM, 0, &i), EINVAL));
    i = init_vm_of(48), i.cpuid.nent = 257;
    CHECK(FAILS(tdx_call(vm, TDX_INIT_VM, 0, &i), E2BIG));
    i = init_vm_of(48);
    CHECK(FAILS(tdx_call(vm, TDX_INIT_VM, 1, &i), EINVAL) && FAILS(tdx_call(vm, TDX_INIT_VM, 0, (void *)8), EFAULT));
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &i) == 0 && FAILS(tdx_call(vm, TDX_INIT_VM, 0, &i), EINVAL));

    vcpu = new_vcpu(0);
    CHECK(make_private(0, 8) == 0);
    CHECK(FAILS(add(0, 1, NULL, 0), EINVAL)); /* the vCPU is not initialised */
    struct cpuid2 cpuid = { .nent = 0 };
    CHECK(FAILS(tdx_call(vcpu, TDX_GET_CPUID, 0, &cpuid), E2BIG) && cpuid.nent == 1); /* nor need it be, for that */
    CHECK(FAILS(tdx_call(vcpu, TDX_GET_CPUID, 1, &cpuid), EINVAL));
    CHECK(FAILS(tdx_call(vcpu, TDX_INIT_VCPU, 1, NULL), EINVAL) && tdx_call(vcpu, TDX_INIT_VCPU, 0, NULL) == 0 && FAILS(tdx_call(vcpu, TDX_INIT_VCPU, 0, NULL), EINVAL));
    CHECK(tdx_call(vcpu, TDX_GET_CPUID, 0, &cpuid) == 0 && cpuid.entries[0].function == 0x80000008);

    static unsigned char page[2 * PAGE] __attribute__((aligned(PAGE)));
    CHECK(FAILS(add(0, 1, NULL, 2), EINVAL) && FAILS(add(0, 0, NULL, 0), EINVAL) && FAILS(add(0, 1, page + 1, 0), EINVAL));
    CHECK(FAILS(tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, (void *)8), EFAULT));
    struct tdx_region r = { 0, DATA + 1, 1 };
    CHECK(FAILS(tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, &r), EINVAL));
    r = (struct tdx_region) { 0, -(uint64_t)PAGE, 1 };
    CHECK(FAILS(tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, &r), EINVAL));
    r = (struct tdx_region) { 0, DATA | UINT64_C(1) << 47, 1 };
    CHECK(FAILS(tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, &r), EINVAL));
    int beyond = create(vm, MEMORY, 0); /* the shared half of the addresses, and what is half in it */
    CHECK(set_slot(vm, 2, (UINT64_C(1) << 47) - MEMORY / 2, MEMORY, 0, beyond, 0) == 0 && convert(beyond, 0, MEMORY, PRIVATE) == 0);
    r = (struct tdx_region) { 0, UINT64_C(1) << 47, 1 };
    CHECK(FAILS(tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, &r), EINVAL) && r.pages == 1);
    r = (struct tdx_region) { 0, (UINT64_C(1) << 47) - PAGE, 2 };
    CHECK(FAILS(tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, &r), EINVAL) && r.pages == 2);
    CHECK(FAILS(add(8, 1, NULL, 0), EINVAL) && FAILS(add(MEMORY / PAGE, 1, NULL, 0), EINVAL)); /* shared; no memslot */
    CHECK(FAILS(add(0, 1, window, 0), EFAULT) && FAILS(add(0, 1, (void *)PAGE, 0), EFAULT));     /* a private page is no source */
    CHECK(add(0, 1, NULL, 0) == 0 && FAILS(add(0, 1, NULL, 0), EIO));
    CHECK(finalize() == 0 && FAILS(tdx_call(vcpu, TDX_GET_CPUID, 0, &cpuid), EINVAL));
}

/* A TD's vCPU begins as the TDX module makes it; registers that were set before stay. */
static void entry(int variant)
{
    make_vm(TDX_VM);
    struct tdx_init_vm i = init_vm_of(variant ? 52 : 48);
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &i) == 0);
    for (uint64_t n = 0; n < 3; ++n) {
        vcpu = new_vcpu((int)n);
        struct cpuid2 cpuid = { .nent = 0 };
        if (FAILS(ioctl(vcpu, KVM_GET_CPUID2, &cpuid), ENOTTY))
            return; /* a scripted one has no such registers */
        struct kvm_regs r;
        struct kvm_sregs s;
        CHECK(ioctl(vcpu, KVM_GET_REGS, &r) == 0);
        if (n == 2) {
            r.rip = 0x1234;
            CHECK(ioctl(vcpu, KVM_SET_REGS, &r) == 0);
        }
        CHECK(tdx_call(vcpu, TDX_INIT_VCPU, 0, (void *)(uintptr_t)(0x809000 + n)) == 0);
        CHECK(ioctl(vcpu, KVM_GET_REGS, &r) == 0 && ioctl(vcpu, KVM_GET_SREGS, &s) == 0);
        if (n == 2) {
            CHECK(r.rip == 0x1234 && (s.cr0 & 1) == 0);
            return;
        }
        CHECK(r.rip == 0xfffffff0 && r.rbx == (variant ? 52 : 48) && r.rcx == 0x809000 + n && r.r8 == r.rcx && r.rsi == n && r.rax == 0);
        CHECK((s.cr0 & 0x80000001) == 1 && s.cs.base == 0 && s.cs.db && !s.cs.l && s.cs.limit == 0xffffffff && s.ss.base == 0 && s.ds.limit == 0xffffffff && (s.efer & 0x500) == 0x100);
    }
}

/* In-place off: the bytes must come from elsewhere. */
static void not_in_place(int variant)
{
    (void)variant;
    static unsigned char p[PAGE] __attribute__((aligned(PAGE)));
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    vm = ioctl(kvm, KVM_CREATE_VM, TDX_VM);
    memory = create(vm, MEMORY, 0);
    CHECK(set_slot(vm, 0, DATA, MEMORY, 0, memory, 0) == 0);
    struct tdx_init_vm i = init_vm_of(48);
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &i) == 0);
    vcpu = new_vcpu(0);
    CHECK(vcpu >= 0 && tdx_call(vcpu, TDX_INIT_VCPU, 0, NULL) == 0 && FAILS(add(0, 1, p, 1), EINVAL));
    uint64_t attributes[4] = { DATA, 2 * PAGE, PRIVATE, 0 };
    CHECK(ioctl(vm, _IOW(KVMIO, 0xd2, uint64_t[4]), attributes) == 0);
    CHECK(FAILS(add(0, 1, NULL, 1), EOPNOTSUPP) && add(0, 1, p, 1) == 0 && finalize() == 0);
}

static void no_vcpus(int variant)
{
    (void)variant;
    make_vm(TDX_VM);
    struct tdx_init_vm i = init_vm_of(52);
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &i) == 0);
    CHECK(FAILS(finalize(), EIO) && hw_error != 0);
    CHECK(FAILS(make_private(0, 1) == 0 ? ioctl(vm, KVM_CREATE_VCPU, 0) : 0, EIO)); /* the VM is bugged */
}

/* The flows whose digests, or whose report, are known. At 1 MiB, as in the vectors. */
static void measured(const char *flow)
{
    static unsigned char p[2 * PAGE] __attribute__((aligned(PAGE)));
    pattern(p, 0), pattern(p + PAGE, 1);
    begin_tdx();
    int source = strcmp(flow, "source") == 0, never = strcmp(flow, "never") == 0, unmeasured = strcmp(flow, "unmeasured") == 0;
    CHECK(set_slot(vm, 0, 0, 0, 0, -1, 0) == 0 && set_slot(vm, 0, MEMORY, MEMORY, 0, memory, 0) == 0);
    if (!source && !never)
        memcpy(window, p, sizeof p);
    CHECK(make_private(0, 4) == 0);
    struct tdx_region r = { source ? (uintptr_t)p : 0, MEMORY, unmeasured ? 1 : 2 };
    if (strcmp(flow, "empty") != 0)
        CHECK(tdx_call(vcpu, TDX_INIT_MEM_REGION, !unmeasured, &r) == 0);
    CHECK(finalize() == 0);
}

int main(int argc, char **argv)
{
    case_without_kvm = 1;
    if (argc > 1 && strcmp(argv[1], "off") == 0) {
        run_case("not in place", not_in_place, 0);
        return cases_result("launch tdx");
    }
    if (argc > 1) {
        measured(argv[1]);
        return 0;
    }
    for (int i = 0; i < 2; ++i) {
        run_case("whole flow", whole_flow, i);
        run_case("partial progress", partial, i);
    }
    run_case("interrupted", interrupted, 0);
    run_case("entry, 48 bits", entry, 0);
    run_case("entry, 52 bits", entry, 1);
    run_case("refusals", refusals, 0);
    run_case("no vCPUs", no_vcpus, 0);
    return cases_result("launch tdx");
}
