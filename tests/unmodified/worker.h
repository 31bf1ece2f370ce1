/* vCPUs that carry out commands in guest memory (worker.S), for test programs that know the kernel's interface only. */
#ifndef GMEM_TESTS_WORKER_H
#define GMEM_TESTS_WORKER_H

#include "machine.h"

extern const unsigned char worker_begin[], worker_end[];

enum work { WORK_LOAD = 1, WORK_STORE, WORK_SET, WORK_CHECK, WORK_MAP, WORK_WATCH };
enum { WORKER_CODE = 0x10000, WORKER_MAILBOXES = 0x8000 };

struct worker {
    struct machine *m;
    int vcpu, number;
    struct kvm_run *run;
    volatile uint64_t *mailbox;
};

static inline int worker_run(struct worker *w) { return ioctl(w->vcpu, KVM_RUN, 0) < 0 ? -1 : (int)w->run->exit_reason; }

/* Number 0 takes the machine's own vCPU over; the others are new ones. */
static inline struct worker worker_start(struct machine *m, int number)
{
    struct worker w = { .m = m, .vcpu = m->guest.vcpu, .number = number, .run = m->guest.run, .mailbox = NULL };
    w.mailbox = (volatile uint64_t *)(void *)(m->guest.system + WORKER_MAILBOXES + number * 64);
    memcpy(m->guest.system + WORKER_CODE, worker_begin, (size_t)(worker_end - worker_begin));
    if (number > 0) {
        struct kvm_sregs s;
        w.vcpu = ioctl(m->guest.vm, KVM_CREATE_VCPU, number);
        CHECK(w.vcpu >= 0 && ioctl(m->guest.vcpu, KVM_GET_SREGS, &s) == 0);
        s.apic_base &= ~(UINT64_C(1) << 8); /* not the bootstrap processor */
        CHECK(ioctl(w.vcpu, KVM_SET_SREGS, &s) == 0);
        void *run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, w.vcpu, 0);
        CHECK(run != MAP_FAILED);
        w.run = run;
    }
    struct kvm_regs r;
    memset(&r, 0, sizeof r);
    r.rip = WORKER_CODE;
    r.rflags = 2;
    r.r8 = (uint64_t)(WORKER_MAILBOXES + number * 64);
    CHECK(ioctl(w.vcpu, KVM_SET_REGS, &r) == 0);
    CHECK(worker_run(&w) == KVM_EXIT_IO);
    return w;
}

static inline void worker_ask(struct worker *w, enum work operation, uint64_t address, uint64_t length, uint64_t value)
{
    w->mailbox[0] = operation;
    w->mailbox[1] = address;
    w->mailbox[2] = length;
    w->mailbox[3] = value;
}

/* Runs on over EINTR, which KVM_RUN may always say. */
static inline int worker_go_on(struct worker *w)
{
    int reason;
    do
        reason = worker_run(w);
    while (reason == -1 && errno == EINTR);
    return reason;
}

static inline int worker_try(struct worker *w, enum work operation, uint64_t address, uint64_t length, uint64_t value)
{
    worker_ask(w, operation, address, length, value);
    return worker_go_on(w);
}

static inline uint64_t worker_do(struct worker *w, enum work operation, uint64_t address, uint64_t length, uint64_t value)
{
    uint64_t before = w->mailbox[5];
    int reason = worker_try(w, operation, address, length, value);
    if (reason != KVM_EXIT_IO)
        fprintf(stderr, "operation %d of %llx: exit %d, run page %u\n", (int)operation, (unsigned long long)address, reason, w->run->exit_reason);
    CHECK(reason == KVM_EXIT_IO && w->mailbox[5] == before + 1);
    return w->mailbox[4];
}

static inline uint64_t guest_load(struct worker *w, uint64_t gpa) { return worker_do(w, WORK_LOAD, gpa, 0, 0); }
static inline void guest_store(struct worker *w, uint64_t gpa, uint64_t value) { worker_do(w, WORK_STORE, gpa, 0, value); }

#endif
