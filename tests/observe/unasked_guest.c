/*
 * A VMM with a real vCPU whose guest never asks for a conversion, for `gmem run --inject request`: it grants what it is asked for all the same, prints it, and sees to it that its guest misses
 * nothing: what the guest finds in memory, what the VMM answers to its MMIO, what the VMM answers to its hypercalls. unasked_guest REQUESTS: ends when so many were made. The requests must be
 * about 16 pages at DATA. unasked_guest REQUESTS kicked: beside a timer that wants KVM_RUN to end by immediate_exit. Knows the kernel's interface only. Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "cases.h"

#include <sys/time.h>

extern const unsigned char hypercaller_begin[], hypercaller_end[];

enum { PAGES = 16, NOTHING = 64 << 20, CALLER = 0x10000, CALLS = 0x8000, MAP_GPA_RANGE = 12, PRIVATE_BIT = 16 };

static struct machine m;
static int data, requests, wanted;
static unsigned char *window;

static void grant(uint64_t gpa, uint64_t size, uint64_t to, const char *how)
{
    CHECK(gpa >= DATA && gpa + size <= DATA + PAGES * PAGE && gpa % PAGE == 0 && size == PAGE);
    if (requests < wanted)
        printf("%s: page %llu to be %s\n", how, (unsigned long long)((gpa - DATA) / PAGE), to ? "private" : "shared");
    ++requests;
    CHECK(convert(data, gpa - DATA, size, to) == 0);
    CHECK((look(window + (gpa - DATA)) == -1) == (to != 0));
}

/* Is the exit a request that nobody made? The guest's own have another address. */
static int is_unasked(int reason)
{
    const struct kvm_run *run = m.guest.run;
    return (reason == -1 && errno == EFAULT && run->exit_reason == EXIT_MEMORY_FAULT) || (reason == KVM_EXIT_HYPERCALL && run->hypercall.args[0] != CALLS);
}

static volatile sig_atomic_t kicks;
static void kick(int number)
{
    (void)number;
    m.guest.run->immediate_exit = 1;
    ++kicks;
}

/* KVM_RUN, after which a kick still stands. */
static int enter(void)
{
    sigset_t alarm, before;
    int reason = ioctl(m.guest.vcpu, KVM_RUN, 0) < 0 ? -1 : (int)m.guest.run->exit_reason, err = errno;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    CHECK(sigprocmask(SIG_BLOCK, &alarm, &before) == 0);
    if (kicks) {
        CHECK(m.guest.run->immediate_exit == 1);
        m.guest.run->immediate_exit = 0;
        kicks = 0;
    }
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
    errno = err;
    return reason;
}

/* Until the guest leaves for a reason of its own. */
static int run(void)
{
    for (;;) {
        int reason = enter();
        if (reason == -1 && errno == EINTR)
            continue;
        if (!is_unasked(reason))
            return reason;
        if (reason == -1) {
            struct memory_fault f = memory_fault_of(&m);
            grant(f.gpa, f.size, f.flags, "memory_fault");
        } else {
            CHECK(m.guest.run->hypercall.nr == MAP_GPA_RANGE && m.guest.run->hypercall.args[1] == 1);
            grant(m.guest.run->hypercall.args[0], PAGE, m.guest.run->hypercall.args[2] & PRIVATE_BIT ? PRIVATE : 0, "hypercall");
            m.guest.run->hypercall.ret = 0;
        }
    }
}

static uint64_t do_it(enum operation operation, uint64_t address, uint64_t length)
{
    volatile uint64_t *mailbox = (volatile uint64_t *)(void *)(m.guest.system + MAILBOX);
    mailbox[0] = operation;
    mailbox[1] = address;
    mailbox[2] = length;
    mailbox[3] = 0xdead;
    CHECK(run() == KVM_EXIT_IO);
    return mailbox[3];
}

/* The VMM's answer to a load waits in the run page when KVM_RUN is called: it is the guest's, whatever comes in between. */
static void mmio(uint64_t value)
{
    volatile uint64_t *mailbox = (volatile uint64_t *)(void *)(m.guest.system + MAILBOX);
    mailbox[0] = GUEST_LOAD;
    mailbox[1] = NOTHING;
    mailbox[3] = 0xdead;
    CHECK(run() == KVM_EXIT_MMIO && m.guest.run->mmio.phys_addr == NOTHING && m.guest.run->mmio.len == 8 && !m.guest.run->mmio.is_write);
    memcpy(m.guest.run->mmio.data, &value, 8);
    CHECK(run() == KVM_EXIT_IO && mailbox[3] == value);
}

static void jump(uint64_t gpa)
{
    struct kvm_regs r;
    memset(&r, 0, sizeof r);
    r.rip = gpa, r.rflags = 2, r.r8 = CALLS;
    CHECK(ioctl(m.guest.vcpu, KVM_SET_REGS, &r) == 0 && run() == KVM_EXIT_IO);
}

/* The guest's own call, with the VMM's answer; its code lies beside the interpreter's. */
static void hypercall(uint64_t answer)
{
    volatile uint64_t *mailbox = (volatile uint64_t *)(void *)(m.guest.system + CALLS);
    mailbox[0] = MAP_GPA_RANGE, mailbox[1] = CALLS, mailbox[2] = 1, mailbox[3] = 0, mailbox[4] = 0xdead, mailbox[5] = 0;
    jump(CALLER);
    CHECK(run() == KVM_EXIT_HYPERCALL && m.guest.run->hypercall.args[0] == CALLS && mailbox[5] == 0);
    m.guest.run->hypercall.ret = answer;
    CHECK(run() == KVM_EXIT_IO && mailbox[4] == answer && mailbox[5] == 1);
    jump(CODE);
}

/* A VMM that asks KVM_RUN to do nothing but take its answer is asked for nothing. */
static void at_once(void)
{
    int before = requests;
    m.guest.run->immediate_exit = 1;
    for (int i = 0; i < 20; ++i)
        CHECK(FAILS(ioctl(m.guest.vcpu, KVM_RUN, 0), EINTR));
    m.guest.run->immediate_exit = 0;
    CHECK(requests == before);
}

int main(int argc, char **argv)
{
    if (open_kvm() != 0)
        return SKIP;
    wanted = argc > 1 ? atoi(argv[1]) : 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    boot(&m);
    struct kvm_enable_cap c = { .cap = KVM_CAP_EXIT_HYPERCALL, .args = { 1 << MAP_GPA_RANGE } };
    CHECK(ioctl(m.guest.vm, KVM_ENABLE_CAP, &c) == 0);
    memcpy(m.guest.system + CALLER, hypercaller_begin, (size_t)(hypercaller_end - hypercaller_begin));
    data = create(m.guest.vm, PAGES * PAGE, FLAG_MMAP | FLAG_INIT_SHARED);
    window = map_file(data, PAGES * PAGE);
    expect_sigbus();
    CHECK(set_slot(m.guest.vm, 1, DATA, PAGES * PAGE, 0, data, 0) == 0);
    CHECK(do_it(GUEST_FILL, DATA, PAGES) == PAGES);
    int kicked = argc > 2 && strcmp(argv[2], "kicked") == 0;
    struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
    if (kicked)
        CHECK(signal(SIGALRM, kick) != SIG_ERR && setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (uint64_t round = 0; round < 3 || (requests < wanted && round < 10000); ++round) {
        CHECK(do_it(GUEST_SUM, DATA, PAGES * PAGE) == PAGES * (PAGES + 1) / 2);
        CHECK(do_it(GUEST_LOAD, DATA + round % PAGES * PAGE, 0) == round % PAGES + 1);
        mmio(0x0123456789abcdef + round);
        hypercall(round + 42);
        if (!kicked)
            at_once();
    }
    CHECK(requests >= wanted);
    return 0;
}
