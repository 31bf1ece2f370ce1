/* SNP VMs and a TD on the real /dev/kvm: their machine code finds the image that was launched. Exit 0; 1 with the line; 77 when no guest can run here. */
#include "launch.h"

enum { STOP = 0x8000 }; /* code of a guest that comes to its end */

static uint64_t sum_of(const unsigned char *bytes, size_t size)
{
    uint64_t total = 0;
    for (size_t i = 0; i < size; ++i)
        total += bytes[i];
    return total;
}

static struct machine m;

/* EINTR is always right: the guest's first use of a private page may end KVM_RUN so. */
static uint64_t guest_sum(uint64_t gpa)
{
    uint64_t answer = 0;
    int reason = guest_do(&m.guest, GUEST_SUM, gpa, PAGE, &answer);
    while (reason == -1 && errno == EINTR)
        reason = ioctl(m.guest.vcpu, KVM_RUN, 0) < 0 ? -1 : (int)m.guest.run->exit_reason;
    CHECK(reason == KVM_EXIT_IO);
    return *(volatile uint64_t *)(void *)(m.guest.system + MAILBOX + 24);
}

static void add_system_memory(void)
{
    m.guest.vm = vm;
    m.system = create(vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED);
    m.guest.system = map_file(m.system, SIZE);
    CHECK(set_slot(vm, 1, 0, SIZE, 0, m.system, 0) == 0);
}

/* The first run of a VM whose launch has not ended. */
static void too_early(void)
{
    begin_snp();
    add_system_memory();
    CHECK(guest_start(&m.guest, kvm) < 0 && errno == EINVAL);
}

/* It cannot go on: an exit that ends the run, at once, and one sentence. A triple fault, or what the real KVM could not emulate. */
static void stops_at(int vcpu, struct kvm_run *run, const char *where, const char *what)
{
    int said[2], real = dup(2), runs = 0, result;
    CHECK(pipe2(said, O_NONBLOCK) == 0 && dup2(said[1], 2) == 2);
    for (int again = 0; again < 2; ++again) /* the sentence comes once */
        do
            result = ioctl(vcpu, KVM_RUN, 0);
        while (result < 0 && errno == EINTR && ++runs < 100);
    CHECK(dup2(real, 2) == 2);
    char text[600] = "";
    CHECK(read(said[0], text, sizeof text - 1) > 0);
    if (runs == 100 || (run->exit_reason != KVM_EXIT_INTERNAL_ERROR && run->exit_reason != KVM_EXIT_SHUTDOWN) || strchr(text, '\n')[1] != 0 || ((!strstr(text, where) || !strstr(text, what)) && !strstr(text, "where is not known"))) {
        fprintf(stderr, "%d runs, exit reason %u, said: %s\n", runs, run->exit_reason, text);
        exit(1);
    }
}

static void stops(const char *code, size_t size, const char *where, const char *what)
{
    begin_snp();
    add_system_memory();
    CHECK(finish() == 0 && guest_start(&m.guest, kvm) == 0);
    memcpy(m.guest.system + STOP, code, size);
    struct kvm_regs r;
    CHECK(ioctl(m.guest.vcpu, KVM_GET_REGS, &r) == 0);
    r.rip = STOP;
    CHECK(ioctl(m.guest.vcpu, KVM_SET_REGS, &r) == 0);
    stops_at(m.guest.vcpu, m.guest.run, where, what);
}

/* A TD's firmware: at the place where its vCPU begins, in 32-bit mode, it looks for the leaves that say so, and comes to the first TDCALL. */
static void td(void)
{
    static const unsigned char code[] = { 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x89, 0xc8, 0xe7, 0x10, 0xb8, 0x21, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2, 0x89, 0xd8, 0xe7, 0x10, 0x89, 0xd0, 0xe7, 0x10, 0x66, 0x0f, 0x01, 0xcc }; /* CPUID 1, out ECX; CPUID 0x21, out EBX, out EDX; TDCALL */
    static const unsigned char jump[] = { 0xe9, 0x0b, 0xf0, 0xff, 0xff }; /* from 0xfffffff0 to 0xfffff000 */
    make_vm(TDX_VM);
    CHECK(set_slot(vm, 0, 0, 0, 0, -1, 0) == 0 && set_slot(vm, 0, (UINT64_C(1) << 32) - MEMORY, MEMORY, 0, memory, 0) == 0);
    memcpy(window + MEMORY - PAGE, code, sizeof code), memcpy(window + MEMORY - 16, jump, sizeof jump);
    struct tdx_init_vm i = init_vm_of(48);
    CHECK(tdx_call(vm, TDX_INIT_VM, 0, &i) == 0);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_run *run = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    struct cpuid2 cpuid = { .nent = 2, .entries = { { .function = 0, .eax = 1 }, { .function = 1, .eax = 0x800f12 } } }, got = { .nent = 8 };
    CHECK(vcpu >= 0 && run != MAP_FAILED && ioctl(vcpu, KVM_SET_CPUID2, &cpuid) == 0);
    CHECK(ioctl(vcpu, KVM_GET_CPUID2, &got) == 0 && memcmp(&got, &cpuid, sizeof cpuid) == 0); /* as it was set */
    struct tdx_region r = { 0, (UINT64_C(1) << 32) - PAGE, 1 };
    CHECK(tdx_call(vcpu, TDX_INIT_VCPU, 0, NULL) == 0 && convert(memory, MEMORY - PAGE, PAGE, PRIVATE) == 0 && tdx_call(vcpu, TDX_INIT_MEM_REGION, 1, &r) == 0 && tdx_call(vm, TDX_FINALIZE_VM, 0, NULL) == 0);
    for (int n = 0; n < 3; ++n) {
        int result;
        do
            result = ioctl(vcpu, KVM_RUN, 0);
        while (result < 0 && errno == EINTR);
        const unsigned char *out = (unsigned char *)run + run->io.data_offset;
        CHECK(result == 0 && run->exit_reason == KVM_EXIT_IO && (n == 0 ? out[3] >> 7 == 1 : memcmp(out, n == 1 ? "Inte" : "lTDX", 4) == 0));
    }
    stops_at(vcpu, run, "vCPU 0 stopped at 0xfffff01c (", "): TDCALL needs a processor with TDX");
}

int main(void)
{
    if (open_kvm() != 0)
        return 77;
    static unsigned char p[2 * PAGE] __attribute__((aligned(PAGE)));
    pattern(p, 0), pattern(p + PAGE, 1);
    too_early();
    begin_snp();
    add_system_memory();
    memcpy(window, p, PAGE);
    memset(window + 2 * PAGE, 7, PAGE);
    CHECK(make_private(0, 2) == 0 && update(0, 1, NULL, NORMAL) == 0 && update(1, 1, p + PAGE, NORMAL) == 0 && finish() == 0);
    CHECK(guest_start(&m.guest, kvm) == 0);
    CHECK(guest_sum(DATA) == sum_of(p, PAGE) && guest_sum(DATA + PAGE) == sum_of(p + PAGE, PAGE) && guest_sum(DATA + 2 * PAGE) == 7 * PAGE);
    CHECK(look(window) == -1);
    CHECK(make_shared(0, 1) == 0 && memcmp(window, p, PAGE) != 0); /* ciphertext, and that is what the guest finds now */
    CHECK(guest_sum(DATA) == sum_of(window, PAGE));
    td();
    stops("\xdd\x04\x25\0\0\0\x30", 7, "SNP: vCPU 0 stopped at 0x8000 (", "KVM cannot emulate the instruction): the code there is dd 04 25 00 00 00 30"); /* fldl of an address without memory */
    stops("\xf2\x0f\x01\xff", 4, "stopped at 0x8000 (", "): PVALIDATE needs a processor with SNP");
    stops("\xb9\x31\x01\x01\xc0\x0f\x32", 7, "stopped at 0x8005 (", "triple fault): RDMSR of 0xc0010131 needs a processor with SNP"); /* mov $0xc0010131, %ecx; rdmsr */
    return 0;
}
