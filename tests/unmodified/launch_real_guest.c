/* An SNP VM on the real /dev/kvm: its machine code finds the image that was launched. Exit 0; 1 with the line; 77 when no guest can run here. */
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

/* A launched guest that comes to `code`, where it cannot go on: an exit that ends the run, at once, and one sentence. A triple fault, or what the real KVM could not emulate. */
static void stops(const char *code, size_t size, const char *sentence)
{
    begin_snp();
    add_system_memory();
    CHECK(finish() == 0 && guest_start(&m.guest, kvm) == 0);
    memcpy(m.guest.system + STOP, code, size);
    struct kvm_regs r;
    CHECK(ioctl(m.guest.vcpu, KVM_GET_REGS, &r) == 0);
    r.rip = STOP;
    int said[2], real = dup(2), runs = 0, result;
    CHECK(ioctl(m.guest.vcpu, KVM_SET_REGS, &r) == 0 && pipe2(said, O_NONBLOCK) == 0 && dup2(said[1], 2) == 2);
    for (int again = 0; again < 2; ++again) /* the sentence comes once */
        do
            result = ioctl(m.guest.vcpu, KVM_RUN, 0);
        while (result < 0 && errno == EINTR && ++runs < 100);
    CHECK(dup2(real, 2) == 2);
    char text[600] = "";
    CHECK(read(said[0], text, sizeof text - 1) > 0);
    if (runs == 100 || (m.guest.run->exit_reason != KVM_EXIT_INTERNAL_ERROR && m.guest.run->exit_reason != KVM_EXIT_SHUTDOWN) || (!strstr(text, sentence) && !strstr(text, "where is not known")) || strchr(text, '\n')[1] != 0) {
        fprintf(stderr, "%d runs, exit reason %u, said: %s\n", runs, m.guest.run->exit_reason, text);
        exit(1);
    }
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
    stops("\xdd\x04\x25\0\0\0\x30", 7, "vCPU 0 stopped at 0x8000 (KVM cannot emulate the instruction): the code there is dd 04 25 00 00 00 30"); /* fldl of an address without memory */
    stops("\xf2\x0f\x01\xff", 4, "): PVALIDATE needs a processor with SNP");
    stops("\xb9\x31\x01\x01\xc0\x0f\x32", 7, "stopped at 0x8005 (triple fault): RDMSR of 0xc0010131 needs a processor with SNP"); /* mov $0xc0010131, %ecx; rdmsr */
    return 0;
}
