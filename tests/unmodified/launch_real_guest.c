/* An SNP VM on the real /dev/kvm: its machine code finds the image that was launched. Exit 0; 1 with the line; 77 when no guest can run here. */
#include "launch.h"

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
    return 0;
}
