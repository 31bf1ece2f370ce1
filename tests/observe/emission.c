/*
 * Makes each kind of event happen, by the kernel's interface only: emission_test.sh has what the log must say of it. Under `gmem run --vcpu=scripted`; the argument
 * is the case. Exit 0; 1 with the line; 77 when the host cannot do it.
 */
#include "launch.h"
#include "scripted.h"

#include "gmem/realm.h"

static struct scripted guest;
static unsigned char source[2 * PAGE] __attribute__((aligned(PAGE)));

static int convert_with(int fd, uint64_t offset, uint64_t size, uint64_t attributes, uint64_t flags)
{
    struct memory_attributes2 a = { .offset = offset, .size = size, .attributes = attributes, .flags = flags };
    return ioctl(fd, SET_MEMORY_ATTRIBUTES2, &a);
}

/* Steps, pages that were written and not, what the firmware refuses, what KVM refuses. */
static void snp(void)
{
    static struct cpuid_page table __attribute__((aligned(PAGE)));
    table.count = 65; /* one more than there can be */
    begin_snp();
    memset(window, 1, 2 * PAGE);
    CHECK(make_private(0, 8) == 0);
    CHECK(update(0, 3, NULL, NORMAL) == 0 && update(3, 1, NULL, ZERO) == 0);
    CHECK(FAILS(update(4, 1, &table, CPUID), EIO) && fw_error == FW_INVALID_PARAM);
    CHECK(FAILS(update(8, 1, NULL, NORMAL), EIO));                /* not private */
    CHECK(FAILS(update(MEMORY / PAGE, 1, NULL, NORMAL), EINVAL)); /* in no memslot */
    CHECK(finish() == 0);
    CHECK(FAILS(finish(), EIO) && fw_error == FW_INVALID_GUEST_STATE);
    CHECK(FAILS(sev_call(SEV_LAUNCH_START, NULL), EPERM));
}

static void tdx(void)
{
    static struct tdx_capabilities offer;
    static struct cpuid2 cpuid;
    struct tdx_init_vm init = init_vm_of(48);
    make_vm(TDX_VM);
    offer.cpuid.nent = cpuid.nent = 8;
    CHECK(tdx_call(vm, TDX_CAPABILITIES, 0, &offer) == 0 && tdx_call(vm, TDX_INIT_VM, 0, &init) == 0);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    CHECK(vcpu >= 0 && tdx_call(vcpu, TDX_GET_CPUID, 0, &cpuid) == 0 && tdx_call(vcpu, TDX_INIT_VCPU, 0, NULL) == 0);
    memset(window, 1, PAGE);
    CHECK(make_private(0, 3) == 0);
    struct tdx_region own = { 0, DATA, 2 }, copied = { (uintptr_t)source, DATA + 2 * PAGE, 2 };
    CHECK(tdx_call(vcpu, TDX_INIT_MEM_REGION, 1, &own) == 0);
    CHECK(FAILS(tdx_call(vcpu, TDX_INIT_MEM_REGION, 0, &copied), EINVAL) && copied.pages == 1); /* the second page is not private */
    CHECK(tdx_call(vm, TDX_FINALIZE_VM, 0, NULL) == 0);
}

/* A TD without vCPUs: the module's own error, with our number for it. */
static void tdx_refused(void)
{
    struct tdx_init_vm init = init_vm_of(48);
    make_vm(TDX_VM);
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &init) == 0 && FAILS(tdx_call(vm, TDX_FINALIZE_VM, 0, NULL), EIO));
    printf("firmware_error=%u\n", (unsigned)(hw_error >> 32 & 0xffff));
}

static int populate(uint64_t page, void *from)
{
    struct gmem_realm_populate q = { DATA + page * PAGE, PAGE, (uintptr_t)from, GMEM_REALM_MEASURE, 0 };
    return ioctl(vm, GMEM_REALM_POPULATE, &q);
}

static void realm(void)
{
    make_vm(KVM_X86_SW_PROTECTED_VM);
    guest.vm = vm, guest.data = memory, guest.window = window;
    guest.script_file = create(vm, SCRIPT_SIZE, MMAP_AND_SHARED);
    guest.script = (struct gmem_guest_op *)(void *)map_file(guest.script_file, SCRIPT_SIZE);
    CHECK(set_slot(vm, 1, SCRIPT, SCRIPT_SIZE, 0, guest.script_file, 0) == 0);
    guest.vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    CHECK(guest.vcpu >= 0);
    guest.run = map_run(guest.vcpu);
    CHECK(make_private(0, 2) == 0 && populate(1, source) == 0 && FAILS(populate(1, source), ENXIO));
    CHECK(load(&guest, ON_PRIVATE, DATA + PAGE, 8) == 0); /* the first run activates */
}

struct pre_fault { uint64_t gpa, size, flags, padding[5]; };
#define PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct pre_fault)

static void start_guest(void)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    guest = start(KVM_X86_SW_PROTECTED_VM);
}

/* What a vCPU's exits say, and what is pre-faulted: two private pages and a shared one; what no memslot has. */
static void exits(void)
{
    start_guest();
    struct kvm_enable_cap c = { .cap = KVM_CAP_EXIT_HYPERCALL, .args = { 1 << 12 } };
    CHECK(ioctl(guest.vm, KVM_ENABLE_CAP, &c) == 0);
    CHECK_FAULT(&guest, do_op(&guest, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA + 2 * PAGE + 8, 8, 0)), PRIVATE, DATA + 2 * PAGE, PAGE);
    CHECK(do_op(&guest, op(GMEM_GUEST_MAP_GPA_RANGE, 0, DATA + PAGE, 3, 16)) == KVM_EXIT_HYPERCALL);
    guest.run->hypercall.ret = 0;
    CHECK(go_on(&guest) == KVM_EXIT_HLT);
    CHECK(convert(guest.data, 0, 2 * PAGE, PRIVATE) == 0);
    struct pre_fault three = { .gpa = DATA, .size = 3 * PAGE }, none = { .gpa = DATA * 4ull, .size = PAGE };
    CHECK(ioctl(guest.vcpu, PRE_FAULT_MEMORY, &three) == 0 && FAILS(ioctl(guest.vcpu, PRE_FAULT_MEMORY, &none), ENOENT));
}

/* pKVM: a page becomes the guest's once; one that the host took back unasked is the guest's end. */
static void trusted(void)
{
    start_guest();
    CHECK(convert(guest.data, PAGE, PAGE, PRIVATE) == 0);
    CHECK(load(&guest, ON_PRIVATE, DATA + PAGE, 8) == 0 && load(&guest, ON_PRIVATE, DATA + PAGE, 8) == 0);
    CHECK(convert(guest.data, PAGE, PAGE, 0) == 0 && convert(guest.data, PAGE, PAGE, PRIVATE) == 0);
    CHECK(FAILS(do_op(&guest, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA + PAGE, 8, 0)), EHWPOISON));
}

/* SNP, a version in which guest_memfd zeroes pages: once before they are the guest's, once after. */
static void host(void)
{
    enum { ZEROED = 1 };
    start_guest();
    memset(guest.window, 1, 2 * PAGE);
    CHECK(convert_with(guest.data, 0, 2 * PAGE, PRIVATE, ZEROED) == 0);
    CHECK(do_op(&guest, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA + PAGE, 8, 0)) == KVM_EXIT_HLT);
    CHECK(convert_with(guest.data, 0, 2 * PAGE, PRIVATE, ZEROED) == 0);
    printf("about=%d\n", getpid());
}

/* The VM's own attributes, with --in-place=off. */
static void vm_attributes(void)
{
    struct { uint64_t address, size, attributes, flags; } wanted[] = { { 0x100000, 0x3000, PRIVATE, 0 }, { 0x101000, 0x1000, 0, 0 }, { 0x100000, 5, PRIVATE, 0 } };
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
    for (int i = 0; i < 3; ++i)
        CHECK(ioctl(vm, _IOW(KVMIO, 0xd2, wanted[0]), &wanted[i]) == (i < 2 ? 0 : -1));
    CHECK(errno == EINVAL);
}

static void new_file(uint64_t size)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
    CHECK(vm >= 0);
    memory = create(vm, size, MMAP_AND_SHARED);
    window = map_file(memory, size);
    expect_sigbus();
}

static void policy(void)
{
    enum { BY_DEFAULT, PREFERRED, UNKNOWN = 99 };
    unsigned long node_0 = 1;
    new_file(8 * PAGE);
    if (syscall(SYS_mbind, window + PAGE, 2 * PAGE, PREFERRED, &node_0, 8, 0) != 0 && errno == ENOSYS)
        exit(SKIP);
    CHECK(syscall(SYS_mbind, window + 2 * PAGE, PAGE, BY_DEFAULT, NULL, 0, 0) == 0);
    CHECK(FAILS(syscall(SYS_mbind, window, PAGE, UNKNOWN, NULL, 0, 0), EINVAL));
}

/* A process that has a page open, and is stopped: the conversion does not wait for ever. */
static void silent(void)
{
    int status = 0;
    new_file(8 * PAGE);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)look(window + PAGE);
        raise(SIGSTOP);
        _exit(0);
    }
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    printf("culprit=%d\n", child);
    CHECK(FAILS(convert(memory, PAGE, PAGE, PRIVATE), EAGAIN));
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    CHECK(convert(memory, PAGE, PAGE, PRIVATE) == 0);
}

/* The last window is more than the descriptor; and of a file without windows, the descriptor. */
static void released(void)
{
    new_file(4 * PAGE);
    int other = create(vm, 2 * PAGE, MMAP_AND_SHARED);
    close(memory);
    CHECK(munmap(window, 2 * PAGE) == 0);
    close(other);
    CHECK(munmap(window + 2 * PAGE, 2 * PAGE) == 0);
}

/* What the kernel's reclaim does to a PTE, behind gmem's back: no function, no library. */
static long unseen_madvise(void *address, size_t size, int advice)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(SYS_madvise), "D"(address), "S"(size), "d"(advice) : "rcx", "r11", "memory");
    return result;
}

static void recovered(void)
{
    new_file(4 * PAGE);
    window[PAGE] = 7;
    CHECK(convert(memory, 0, 2 * PAGE, PRIVATE) == 0 && convert(memory, PAGE, PAGE, 0) == 0);
    CHECK(unseen_madvise(window + PAGE, PAGE, MADV_DONTNEED) == 0);
    CHECK(look(window + PAGE) == 7);
}

static void injected(void)
{
    new_file(4 * PAGE);
    CHECK(FAILS(convert(memory, 0, 4 * PAGE, PRIVATE), EAGAIN) && convert(memory, 0, 4 * PAGE, PRIVATE) == 0);
}

static void told(void)
{
    int ends[2];
    new_file(4 * PAGE);
    CHECK(convert(memory, 0, PAGE, PRIVATE) == 0 && pipe(ends) == 0 && FAILS(write(ends[1], window, 1), EFAULT));
    printf("about=%d\n", getpid());
}

static void forks(void)
{
    int status = 0;
    new_file(4 * PAGE);
    pid_t child = fork();
    if (child == 0)
        _exit(convert(memory, 0, PAGE, PRIVATE) == 0 ? 0 : 1);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    printf("parent=%d\nparent=%d\n", getppid(), getpid());
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*body)(void); } cases[] = {
        { "snp", snp }, { "tdx", tdx }, { "tdx_refused", tdx_refused }, { "realm", realm }, { "exits", exits }, { "trusted", trusted }, { "host", host },
        { "vm_attributes", vm_attributes }, { "policy", policy }, { "silent", silent }, { "released", released }, { "recovered", recovered },
        { "injected", injected }, { "told", told }, { "forks", forks },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i)
        if (argc == 2 && strcmp(argv[1], cases[i].name) == 0) {
            cases[i].body();
            return 0;
        }
    return 2;
}
