/*
 * KVM_HC_MAP_GPA_RANGE by KVM_EXIT_HYPERCALL: the guest asks for conversions, the program makes them and answers. One vCPU and several,
 * code that moves, signals that must not be lost or made up, immediate_exit. Exit 0; 1 with the line; 77 when no guest can run here.
 */
#include "machine.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

extern const unsigned char hypercaller_begin[], hypercaller_end[], spinner_begin[], spinner_end[];

enum { MAP_GPA_RANGE = 12, PRIVATE_BIT = 16, LONG_MODE = 1, VCPUS = 3, MAILBOXES = 0x8000, HERE = 0x10000, SPIN = 0x1f000 };

struct caller {
    struct machine *m;
    int vcpu, number;
    struct kvm_run *run;
    volatile uint64_t *mailbox;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put_code(struct machine *m, uint64_t gpa)
{
    memcpy(m->guest.system + gpa, hypercaller_begin, (size_t)(hypercaller_end - hypercaller_begin));
}

static int run(struct caller *c) { return ioctl(c->vcpu, KVM_RUN, 0) < 0 ? -1 : (int)c->run->exit_reason; }

static void jump(struct caller *c, uint64_t gpa)
{
    struct kvm_regs r;
    memset(&r, 0, sizeof r);
    r.rip = gpa;
    r.rflags = 2;
    r.r8 = (uint64_t)(MAILBOXES + c->number * 64);
    CHECK(ioctl(c->vcpu, KVM_SET_REGS, &r) == 0);
    CHECK(run(c) == KVM_EXIT_IO);
}

/* Another vCPU in the state of the first. */
static struct caller caller_on(struct machine *m, int number)
{
    struct caller c = { .m = m, .vcpu = m->guest.vcpu, .number = number, .run = m->guest.run, .mailbox = NULL };
    c.mailbox = (volatile uint64_t *)(void *)(m->guest.system + MAILBOXES + number * 64);
    if (number > 0) {
        struct kvm_sregs s;
        c.vcpu = ioctl(m->guest.vm, KVM_CREATE_VCPU, number);
        CHECK(c.vcpu >= 0 && ioctl(m->guest.vcpu, KVM_GET_SREGS, &s) == 0);
        s.apic_base &= ~(UINT64_C(1) << 8); /* not the bootstrap processor */
        CHECK(ioctl(c.vcpu, KVM_SET_SREGS, &s) == 0);
        c.run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, c.vcpu, 0);
        CHECK(c.run != MAP_FAILED);
    }
    jump(&c, HERE);
    return c;
}

static void ask(struct caller *c, uint64_t number, uint64_t gpa, uint64_t pages, uint64_t attributes)
{
    c->mailbox[0] = number;
    c->mailbox[1] = gpa;
    c->mailbox[2] = pages;
    c->mailbox[3] = attributes;
}

static int run_to_an_exit(struct caller *c)
{
    int reason;
    do
        reason = run(c);
    while (reason == -1 && errno == EINTR);
    return reason;
}

/* The guest makes the call, the program sees it and answers, the guest has the answer. */
static void call(struct caller *c, uint64_t gpa, uint64_t pages, uint64_t attributes, uint64_t answer)
{
    ask(c, MAP_GPA_RANGE, gpa, pages, attributes);
    uint64_t before = c->mailbox[5];
    CHECK(run_to_an_exit(c) == KVM_EXIT_HYPERCALL);
    CHECK(c->run->hypercall.nr == MAP_GPA_RANGE && c->run->hypercall.args[0] == gpa && c->run->hypercall.args[1] == pages && c->run->hypercall.args[2] == attributes);
    CHECK(c->run->hypercall.longmode == LONG_MODE);
    CHECK(c->mailbox[5] == before);
    c->run->hypercall.ret = answer;
    CHECK(run_to_an_exit(c) == KVM_EXIT_IO);
    CHECK(c->mailbox[4] == answer && c->mailbox[5] == before + 1);
}

/* KVM itself answers these. */
static void answered_by_kvm(struct caller *c)
{
    struct { uint64_t number, gpa, pages, answer; } cases[] = {
        { MAP_GPA_RANGE, 8, 1, (uint64_t)-22 }, { MAP_GPA_RANGE, 0, 0, (uint64_t)-22 }, { MAP_GPA_RANGE, ~UINT64_C(4095), UINT64_MAX, (uint64_t)-22 },
        { 77, 0, 1, (uint64_t)-1000 },
    };
    for (int round = 0; round < 3; ++round)
        for (unsigned i = 0; i < sizeof cases / sizeof *cases; ++i) {
            ask(c, cases[i].number, cases[i].gpa, cases[i].pages, 0);
            CHECK(run_to_an_exit(c) == KVM_EXIT_IO);
            CHECK(c->mailbox[4] == cases[i].answer);
        }
}

static void answers_of_every_kind(struct caller *c)
{
    call(c, DATA, 1, PRIVATE_BIT, 0);
    call(c, DATA, 1, 0, 0);
    call(c, DATA, 512, PRIVATE_BIT, (uint64_t)-22);
    call(c, 0, UINT64_C(1) << 40, 5, 0x123456789abcdef0);
}

/* The exit, then what a program may do before it goes on. */
static void between_exit_and_answer(struct caller *c)
{
    struct kvm_regs r;
    ask(c, MAP_GPA_RANGE, DATA, 1, PRIVATE_BIT);
    CHECK(run_to_an_exit(c) == KVM_EXIT_HYPERCALL);
    c->run->hypercall.ret = 42;
    c->run->immediate_exit = 1;
    CHECK(run(c) == -1 && errno == EINTR);
    CHECK(run(c) == -1 && errno == EINTR);
    c->run->immediate_exit = 0;
    CHECK(ioctl(c->vcpu, KVM_GET_REGS, &r) == 0 && r.rax == 42); /* delivered, and nothing run */
    CHECK(run_to_an_exit(c) == KVM_EXIT_IO && c->mailbox[4] == 42);

    ask(c, MAP_GPA_RANGE, DATA, 1, PRIVATE_BIT); /* registers changed meanwhile stay changed */
    CHECK(run_to_an_exit(c) == KVM_EXIT_HYPERCALL);
    CHECK(ioctl(c->vcpu, KVM_GET_REGS, &r) == 0 && r.rax == MAP_GPA_RANGE);
    r.r15 = 4711;
    CHECK(ioctl(c->vcpu, KVM_SET_REGS, &r) == 0);
    c->run->hypercall.ret = 43;
    CHECK(run_to_an_exit(c) == KVM_EXIT_IO && c->mailbox[4] == 43);
    CHECK(ioctl(c->vcpu, KVM_GET_REGS, &r) == 0 && r.r15 == 4711);

    c->run->kvm_valid_regs = 1; /* the same in the run page (KVM_CAP_SYNC_REGS) */
    ask(c, MAP_GPA_RANGE, DATA, 1, PRIVATE_BIT);
    CHECK(run_to_an_exit(c) == KVM_EXIT_HYPERCALL && c->run->s.regs.regs.rax == MAP_GPA_RANGE);
    c->run->s.regs.regs.r14 = 815;
    c->run->kvm_dirty_regs = 1;
    c->run->hypercall.ret = 44;
    CHECK(run_to_an_exit(c) == KVM_EXIT_IO && c->mailbox[4] == 44 && c->run->s.regs.regs.r14 == 815);
    c->run->kvm_valid_regs = 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Each hypercall costs about what any exit does, once its place is known. Judged by the quick ones: the others say how busy this machine is. */
static void many_from_one_place(struct caller *c)
{
    enum { CALLS = 2000 };
    static double took[CALLS];
    for (unsigned i = 0; i < CALLS; ++i) {
        double begin = now();
        call(c, DATA + (i % 512) * PAGE, 1, i & 1 ? PRIVATE_BIT : 0, i);
        took[i] = now() - begin;
    }
    qsort(took, CALLS, sizeof *took, ascending);
    printf("a hypercall: %.1f us, of the quick ones\n", took[CALLS / 10] * 1e6);
    CHECK(took[CALLS / 10] < 0.001); /* finding the place anew takes longer, each time */
}

/* Code that was loaded later, at more places than a processor has breakpoints, and code that makes way for other code. */
static void code_that_moves(struct caller *c)
{
    for (int round = 0; round < 2; ++round)
        for (uint64_t at = HERE + PAGE; at < HERE + 5 * PAGE; at += PAGE) {
            put_code(c->m, at);
            jump(c, at);
            for (uint64_t i = 0; i < 4; ++i)
                call(c, DATA, i + 1, 0, i);
            memset(c->m->guest.system + at, 0x90, PAGE); /* nops in their place, and the loop at the end */
            memcpy(c->m->guest.system + at + 256, spinner_begin, (size_t)(spinner_end - spinner_begin));
            struct kvm_regs r;
            CHECK(ioctl(c->vcpu, KVM_GET_REGS, &r) == 0);
            r.rip = at;
            CHECK(ioctl(c->vcpu, KVM_SET_REGS, &r) == 0 && run_to_an_exit(c) == KVM_EXIT_IO);
        }
    jump(c, HERE);
    /* Across two pages. */
    uint64_t split = HERE + 3 * PAGE - 19; /* the vmcall is 18 bytes behind the beginning */
    put_code(c->m, split);
    jump(c, split);
    call(c, DATA, 3, 0, 9);
    jump(c, HERE);
}

/* A program that debugs its guest has the processor's breakpoints to itself; hypercalls are found all the same. */
static void beside_a_debugger(struct caller *c)
{
    struct kvm_guest_debug d;
    memset(&d, 0, sizeof d);
    d.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
    d.arch.debugreg[0] = HERE + 2; /* behind the first out */
    d.arch.debugreg[7] = 0x403;
    jump(c, HERE);
    CHECK(ioctl(c->vcpu, KVM_SET_GUEST_DEBUG, &d) == 0);
    ask(c, MAP_GPA_RANGE, DATA, 1, 0);
    CHECK(run_to_an_exit(c) == KVM_EXIT_DEBUG && c->run->debug.arch.pc == HERE + 2);
    memset(&d, 0, sizeof d);
    d.control = KVM_GUESTDBG_ENABLE;
    CHECK(ioctl(c->vcpu, KVM_SET_GUEST_DEBUG, &d) == 0);
    CHECK(run_to_an_exit(c) == KVM_EXIT_HYPERCALL);
    c->run->hypercall.ret = 6;
    CHECK(run_to_an_exit(c) == KVM_EXIT_IO && c->mailbox[4] == 6);
    d.control = 0;
    CHECK(ioctl(c->vcpu, KVM_SET_GUEST_DEBUG, &d) == 0);
    call(c, DATA, 1, 0, 7);
    jump(c, HERE);
}

static volatile sig_atomic_t signals;
static void on_signal(int number)
{
    (void)number;
    ++signals;
}

/* EINTR exactly when a signal of the program's came: none lost, none made up, at any distance from what gmem does. A signal that came
 * before KVM_RUN was entered, because this machine is busy, is lost on any kernel: another one follows, and few may do that. */
static void signals_are_the_programs(struct caller *c)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    struct sigevent to_me = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, &to_me, &timer) == 0);
    memcpy(c->m->guest.system + SPIN, spinner_begin, (size_t)(spinner_end - spinner_begin));
    jump(c, SPIN);
    static double late[400]; /* of the runs that gmem has looked into */
    int looked_into = 0, second = 0;
    for (long i = 0; i < 400; ++i) {
        struct itimerspec at = { .it_value = { 0, 300000 + (i * 7919 % 3400) * 1000 }, .it_interval = { 0, 100000000 } };
        int before = signals;
        double due = now() + (double)at.it_value.tv_nsec / 1e9;
        CHECK(timer_settime(timer, 0, &at, NULL) == 0);
        CHECK(run(c) == -1 && errno == EINTR);
        CHECK(signals > before);
        second += signals > before + 1;
        if (at.it_value.tv_nsec > 2200000)
            late[looked_into++] = now() - due;
    }
    CHECK(second < 40);
    /* The best: the others say how busy this machine is. A signal that waits for something of gmem's would be late each time. */
    qsort(late, (size_t)looked_into, sizeof *late, ascending);
    printf("a signal ends KVM_RUN after %.0f us at best, %.0f us in the middle\n", late[0] * 1e6, late[looked_into / 2] * 1e6);
    CHECK(late[0] < 0.0004);
    timer_delete(timer);
    jump(c, HERE);
}

struct killer {
    pthread_t target;
    _Atomic int stop;
};
static void *kill_now_and_then(void *argument)
{
    struct killer *k = argument;
    for (unsigned i = 0; !k->stop; ++i) {
        usleep(200 + i * 131 % 3000);
        pthread_kill(k->target, SIGUSR1);
    }
    return NULL;
}

/* The old way: a signal that is blocked but inside KVM_RUN stays pending for sigtimedwait. */
static void a_signal_only_inside_run(struct caller *c)
{
    sigset_t one, old;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &one, &old) == 0);
    struct { uint32_t length; uint8_t set[8]; } mask = { 8, { 0 } };
    CHECK(ioctl(c->vcpu, KVM_SET_SIGNAL_MASK, &mask) == 0);
    struct killer k = { .target = pthread_self(), .stop = 0 };
    pthread_t thread;
    jump(c, SPIN);
    pthread_create(&thread, NULL, kill_now_and_then, &k);
    int before = signals;
    for (int i = 0; i < 100; ++i) {
        struct timespec none = { 0, 0 };
        CHECK(run(c) == -1 && errno == EINTR);
        CHECK(sigtimedwait(&one, NULL, &none) == SIGUSR1);
        sigset_t current;
        CHECK(pthread_sigmask(SIG_BLOCK, NULL, &current) == 0 && sigismember(&current, SIGUSR1) && !sigismember(&current, SIGTERM));
    }
    k.stop = 1;
    pthread_join(thread, NULL);
    CHECK(signals == before);
    CHECK(ioctl(c->vcpu, KVM_SET_SIGNAL_MASK, NULL) == 0);
    struct timespec none = { 0, 0 };
    while (sigtimedwait(&one, NULL, &none) == SIGUSR1) {}
    CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
    jump(c, HERE);
}

/* The thread's other system calls are not cut short. */
static void waits_are_not_disturbed(struct caller *c)
{
    int e = epoll_create1(0);
    struct epoll_event event;
    for (int i = 0; i < 300; ++i) {
        call(c, DATA, 1, 0, (uint64_t)i);
        CHECK(epoll_wait(e, &event, 1, 1) == 0);
    }
    close(e);
}

static void *call_many_times(void *argument)
{
    struct caller *c = argument;
    for (unsigned i = 0; i < 300; ++i)
        call(c, DATA + (unsigned)c->number * PAGE, i + 1, i & 1 ? PRIVATE_BIT : 0, i * 3 + (unsigned)c->number);
    return NULL;
}

static void several_vcpus(struct machine *m, struct caller *first)
{
    struct caller callers[VCPUS] = { *first };
    pthread_t threads[VCPUS];
    for (int i = 1; i < VCPUS; ++i)
        callers[i] = caller_on(m, i);
    for (int i = 0; i < VCPUS; ++i)
        pthread_create(&threads[i], NULL, call_many_times, &callers[i]);
    for (int i = 0; i < VCPUS; ++i)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < VCPUS; ++i)
        close(callers[i].vcpu);
}

/* A vCPU's thread under an allow-list as short as such a list can be: it may not even ask who it is. */
static void *call_under_a_filter(void *argument)
{
    static const int allowed[] = { SYS_ioctl, SYS_futex, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_write, SYS_exit, SYS_exit_group };
    enum { COUNT = sizeof allowed / sizeof *allowed };
    struct sock_filter code[2 * COUNT + 2];
    unsigned n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < COUNT; ++i) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = { (unsigned short)n, code };
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    call_many_times(argument);
    syscall(SYS_exit, 0); /* libc's own end of a thread asks for more */
    return NULL;
}

static void a_filtered_thread(struct machine *m)
{
    struct caller c = caller_on(m, VCPUS);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, call_under_a_filter, &c) == 0 && pthread_join(thread, NULL) == 0);
    close(c.vcpu);
}

/* What a VMM does with such an exit: the range is cut at memslots, each piece one conversion of its file. */
static void conversions_across_memslots(struct caller *c)
{
    struct machine *m = c->m;
    enum { HALF = 1 << 20 };
    int files[2] = { create(m->guest.vm, HALF, FLAG_MMAP | FLAG_INIT_SHARED), create(m->guest.vm, SIZE, FLAG_MMAP | FLAG_INIT_SHARED) };
    CHECK(set_slot(m->guest.vm, 1, DATA, HALF, 0, files[0], 0) == 0);
    CHECK(set_slot(m->guest.vm, 2, DATA + HALF, HALF, 0, files[1], HALF) == 0);
    unsigned char *windows[2] = { mmap(NULL, HALF, PROT_READ | PROT_WRITE, MAP_SHARED, files[0], 0), mmap(NULL, HALF, PROT_READ | PROT_WRITE, MAP_SHARED, files[1], HALF) };
    for (int round = 0; round < 50; ++round) {
        uint64_t attributes = round & 1 ? 0 : PRIVATE_BIT;
        ask(c, MAP_GPA_RANGE, DATA + HALF - 2 * PAGE, 5, attributes);
        CHECK(run_to_an_exit(c) == KVM_EXIT_HYPERCALL);
        uint64_t at = c->run->hypercall.args[0], end = at + c->run->hypercall.args[1] * PAGE;
        while (at < end) {
            int slot = at >= DATA + HALF;
            uint64_t slot_end = slot ? DATA + 2 * HALF : DATA + HALF, piece = (end < slot_end ? end : slot_end) - at;
            uint64_t offset = slot ? HALF + (at - DATA - HALF) : at - DATA;
            CHECK(convert(files[slot], offset, piece, attributes ? MEMORY_ATTRIBUTE_PRIVATE : 0) == 0);
            at += piece;
        }
        c->run->hypercall.ret = 0;
        CHECK(run_to_an_exit(c) == KVM_EXIT_IO && c->mailbox[4] == 0);
        int pipes[2];
        CHECK(pipe(pipes) == 0); /* the kernel says whether the host may read */
        for (int page = 0; page < 8; ++page) {
            unsigned char *p = page < 4 ? windows[0] + HALF - (4 - page) * PAGE : windows[1] + (page - 4) * PAGE;
            int converted = page >= 2 && page < 7;
            CHECK((write(pipes[1], p, 1) == 1) == !(attributes && converted));
        }
        close(pipes[0]);
        close(pipes[1]);
    }
    CHECK(set_slot(m->guest.vm, 1, DATA, 0, 0, -1, 0) == 0 && set_slot(m->guest.vm, 2, DATA + HALF, 0, 0, -1, 0) == 0);
    for (int i = 0; i < 2; ++i) {
        munmap(windows[i], HALF);
        close(files[i]);
    }
}

int main(void)
{
    if (open_kvm() != 0)
        return 77;
    if (ioctl(kvm, KVM_CHECK_EXTENSION, 201) != 1 << MAP_GPA_RANGE) {
        printf("skipped: this KVM has no KVM_CAP_EXIT_HYPERCALL\n");
        return 77;
    }
    struct machine m;
    boot(&m);
    put_code(&m, HERE);
    struct kvm_enable_cap enable = { .cap = 201, .args = { 1 << MAP_GPA_RANGE } };
    CHECK(ioctl(m.guest.vm, KVM_ENABLE_CAP, &enable) == 0);
    struct kvm_enable_cap unknown = { .cap = 201, .args = { ~UINT64_C(0) } };
    CHECK(ioctl(m.guest.vm, KVM_ENABLE_CAP, &unknown) == -1 && errno == EINVAL);

    struct caller c = caller_on(&m, 0);
    answers_of_every_kind(&c);
    answered_by_kvm(&c);
    between_exit_and_answer(&c);
    many_from_one_place(&c);
    code_that_moves(&c);
    beside_a_debugger(&c);
    signals_are_the_programs(&c);
    a_signal_only_inside_run(&c);
    waits_are_not_disturbed(&c);
    several_vcpus(&m, &c);
    a_filtered_thread(&m);
    conversions_across_memslots(&c);
    puts("guest hypercalls: ok");
    return 0;
}
