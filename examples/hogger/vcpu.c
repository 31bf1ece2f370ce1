/* A vCPU: how it is made, and what is done when it leaves. */
#include "hogger.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

_Atomic uint32_t vcpus_done;

enum { MAP_GPA_RANGE = 12, WANTS_PRIVATE = 1 << 4 };

static void enter_long_mode(int vcpu, uint32_t number)
{
    struct kvm_sregs s;
    if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
        fail("KVM_GET_SREGS: %s", strerror(errno));
    if (number > 0)
        s.apic_base &= ~(UINT64_C(1) << 8); /* not the bootstrap processor */
    s.cr3 = PAGE_TABLES;
    s.cr4 |= 1 << 5;                                 /* PAE */
    s.cr0 |= UINT64_C(1) << 31 | 1;                  /* PG, PE */
    s.efer |= 1 << 8 | 1 << 10;                      /* LME, LMA */
    struct kvm_segment code = { .base = 0, .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1 };
    struct kvm_segment data = code;
    data.selector = 16;
    data.type = 3;
    data.l = 0;
    data.db = 1;
    s.cs = code;
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    struct kvm_regs r;
    memset(&r, 0, sizeof r);
    r.rip = CODE;
    r.rflags = 2;
    r.rdi = number;
    r.rsp = STACKS + (number + 1) * (uint64_t)STACK_SIZE;
    if (ioctl(vcpu, KVM_SET_SREGS, &s) < 0 || ioctl(vcpu, KVM_SET_REGS, &r) < 0)
        fail("setting a vCPU's registers: %s", strerror(errno));
}

static void hypercall(struct machine *m, uint32_t number, struct kvm_run *run)
{
    uint64_t gpa = run->hypercall.args[0], pages = run->hypercall.args[1], data = first_data_page(&m->options);
    int to_private = (run->hypercall.args[2] & WANTS_PRIVATE) != 0;
    if (run->hypercall.nr != MAP_GPA_RANGE || gpa % PAGE || gpa / PAGE < data || pages == 0 || pages > MAX_RUN || gpa / PAGE + pages > m->options.size / PAGE) {
        run->hypercall.ret = (uint64_t)-EINVAL;
        return;
    }
    convert(m, number, gpa, pages * PAGE, to_private);
    if (m->options.work == WORK_HOG)
        check_converted(m, number, gpa, pages * PAGE, to_private);
    run->hypercall.ret = 0;
}

static void wait_for_device(struct machine *m, uint32_t number)
{
    struct pollfd p = { .fd = m->calls[number], .events = POLLIN };
    uint64_t count;
    if (poll(&p, 1, 100) > 0 && read(p.fd, &count, sizeof count) != sizeof count)
        fail("the device's eventfd: %s", strerror(errno));
}

static void wrong(struct machine *m, uint32_t number)
{
    static const char *const when[] = { "as the guest reads it after a conversion", "as the guest reads it where nothing was converted", "as the guest reads it behind the device" };
    const struct desk *d = desk_of(m, number);
    if (d->wrong_where == WRONG_STATUS)
        fail("the device answers %llu instead of %llu about gpa %#llx; vCPU %u, step %llu, seed %llu", (unsigned long long)d->wrong_found, (unsigned long long)d->wrong_expected,
             (unsigned long long)d->wrong_gpa, number, (unsigned long long)d->step, (unsigned long long)m->options.seed);
    if (d->wrong_where == WRONG_ANSWER)
        fail("the guest's hypercall about gpa %#llx is answered %lld", (unsigned long long)d->wrong_gpa, (long long)d->wrong_found);
    wrong_byte(m, number, d->wrong_gpa, d->wrong_expected, d->wrong_found, when[d->wrong_where % 3]);
}

/* 0: the guest is through. */
static int port(struct machine *m, uint32_t number, uint16_t which)
{
    uint64_t one = 1;
    switch (which) {
    case PORT_KICK:
        if (write(m->kicks[number], &one, sizeof one) != sizeof one)
            fail("kicking the device: %s", strerror(errno));
        return 1;
    case PORT_WAIT: wait_for_device(m, number); return 1;
    case PORT_STEP: measure_from_here(m, number); return 1;
    case PORT_DONE: return 0;
    case PORT_WRONG: wrong(m, number); return 0;
    default: fail("the guest writes to port %#x", which);
    }
}

static void fail_at(int vcpu, uint32_t number, uint32_t reason)
{
    struct kvm_regs r;
    memset(&r, 0, sizeof r);
    ioctl(vcpu, KVM_GET_REGS, &r);
    fail("vCPU %u leaves with exit reason %u at rip %#llx, rsp %#llx, rsi %#llx, rdi %#llx", number, reason, (unsigned long long)r.rip, (unsigned long long)r.rsp, (unsigned long long)r.rsi,
         (unsigned long long)r.rdi);
}

void *vcpu_main(void *argument)
{
    struct vcpu_arguments *a = argument;
    struct machine *m = a->m;
    int vcpu = ioctl(m->vm, KVM_CREATE_VCPU, a->number), size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (vcpu < 0 || size < 0)
        fail("KVM_CREATE_VCPU: %s", strerror(errno));
    struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED)
        fail("mmap of a vCPU: %s", strerror(errno));
    enter_long_mode(vcpu, a->number);
    if (m->options.filter == ON && a->number + 1 == m->options.vcpus)
        filter_this_thread();
    for (int running = 1; running;) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0) {
            if (errno == EINTR || errno == EAGAIN)
                continue;
            int error = errno;
            struct { uint64_t flags, gpa, size; } fault; /* where the host's header has no name for it yet */
            memcpy(&fault, &run->hw, sizeof fault);
            fail("KVM_RUN of vCPU %u: %s (exit reason %u, gpa %#llx)", a->number, strerror(error), run->exit_reason, (unsigned long long)fault.gpa);
        }
        if (run->exit_reason == KVM_EXIT_HYPERCALL)
            hypercall(m, a->number, run);
        else if (run->exit_reason == KVM_EXIT_IO)
            running = port(m, a->number, run->io.port);
        else
            fail_at(vcpu, a->number, run->exit_reason);
    }
    ++vcpus_done;
    return NULL;
}
