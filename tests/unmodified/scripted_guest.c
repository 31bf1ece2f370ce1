/*
 * A guest that is a list of operations, on a vCPU of `gmem run --vcpu=scripted`: accesses, exits, conversions on request, signals, and what
 * is no operation. The argument says who tracks what is private: on, or off (in-place). Exit 0; 1 with the line.
 */
#include "scripted.h"

#include <pthread.h>
#include <stdatomic.h>

struct vm_attributes { uint64_t address, size, attributes, flags; };
#define SET_VM_ATTRIBUTES _IOW(KVMIO, 0xd2, struct vm_attributes)

/* [offset, offset + size) of the data, wherever it is tracked. */
static int convert_data(struct scripted *s, uint64_t offset, uint64_t size, uint64_t attributes)
{
    struct vm_attributes a = { DATA + offset, size, attributes, 0 };
    return in_place ? convert(s->data, offset, size, attributes) : ioctl(s->vm, SET_VM_ATTRIBUTES, &a);
}

static void loads_and_stores(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    for (uint64_t size = 1; size <= 8; size *= 2) {
        memset(s.window, 0xaa, 64);
        store(&s, SHARED_SIDE, DATA + 8, size, 0x0807060504030201);
        for (uint64_t i = 0; i < 16; ++i)
            CHECK(s.window[8 + i] == (i < size ? i + 1 : 0xaa));
        uint64_t wanted = 0;
        memcpy(&wanted, s.window + 8, size);
        CHECK(load(&s, EITHER, DATA + 8, size) == wanted);
    }
    store(&s, SHARED_SIDE, DATA + 3, 4, 0x11223344); /* not aligned, but in one page */
    CHECK(memcmp(s.window + 3, "\x44\x33\x22\x11", 4) == 0 && load(&s, SHARED_SIDE, DATA + 3, 4) == 0x11223344);

    CHECK(do_op(&s, op(GMEM_GUEST_FILL, SHARED_SIDE, DATA + 4096 - 16, 3 * 4096, 7)) == KVM_EXIT_HLT && s.script[0].result == 3 * 4096);
    CHECK(do_op(&s, op(GMEM_GUEST_CHECK, SHARED_SIDE, DATA + 4096 - 16, 3 * 4096, 7)) == KVM_EXIT_HLT && s.script[0].result == 3 * 4096);
    CHECK(s.window[4096 - 17] == 0 && s.window[4096 - 16] == 7 && s.window[4 * 4096 - 24] == 7 && s.window[4 * 4096 - 16] == 0);
    s.window[2 * 4096 + 9] = 1;
    CHECK(do_op(&s, op(GMEM_GUEST_CHECK, SHARED_SIDE, DATA + 4096 - 16, 3 * 4096, 7)) == KVM_EXIT_HLT && s.script[0].result == 4096 + 16 + 8);

    if (in_place) { /* private: the guest goes on, in place, and the host has lost the page */
        CHECK(convert_data(&s, 0, 4096, PRIVATE) == 0);
        CHECK(look(s.window) == -1);
        CHECK(load(&s, ON_PRIVATE, DATA + 3, 4) == 0x11223344);
        store(&s, ON_PRIVATE, DATA + 3, 4, 0x55667788);
        store(&s, EITHER, DATA + 100, 1, 9);
        CHECK(convert_data(&s, 0, 4096, 0) == 0 && memcmp(s.window + 3, "\x88\x77\x66\x55", 4) == 0 && look(s.window + 100) == 9);
    }
    struct kvm_regs regs;
    CHECK(ioctl(s.vcpu, KVM_GET_REGS, &regs) == 0 && regs.rip == SCRIPT + 2 * 64 && regs.rax == 0 && regs.rdx == 0); /* behind the HALT */
}

static void the_wrong_side_is_a_memory_fault(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    for (int i = 0; i < 2; ++i)
        CHECK_FAULT(&s, i ? go_on(&s) : do_op(&s, op(GMEM_GUEST_STORE, ON_PRIVATE, DATA + 4096 + 24, 8, 5)), PRIVATE, DATA + 4096, 4096);
    CHECK(rip_of(s.vcpu) == SCRIPT); /* it has not begun */
    CHECK(convert_data(&s, 4096, 4096, PRIVATE) == 0);
    CHECK(go_on(&s) == KVM_EXIT_HLT && load(&s, ON_PRIVATE, DATA + 4096 + 24, 8) == 5);
    CHECK_FAULT(&s, do_op(&s, op(GMEM_GUEST_LOAD, SHARED_SIDE, DATA + 4096 + 24, 8, 0)), 0, DATA + 4096, 4096);
    CHECK(convert_data(&s, 4096, 4096, 0) == 0 && go_on(&s) == KVM_EXIT_HLT && s.script[0].result == (in_place ? 5 : 0));

    /* A range goes as far as it can, page by page. */
    CHECK(convert_data(&s, 0, 8 * 4096, PRIVATE) == 0);
    CHECK(convert_data(&s, 2 * 4096, 4096, 0) == 0 && convert_data(&s, 5 * 4096, 4096, 0) == 0);
    CHECK_FAULT(&s, do_op(&s, op(GMEM_GUEST_FILL, ON_PRIVATE, DATA, 8 * 4096, 3)), PRIVATE, DATA + 2 * 4096, 4096);
    CHECK(convert_data(&s, 2 * 4096, 4096, PRIVATE) == 0);
    CHECK_FAULT(&s, go_on(&s), PRIVATE, DATA + 5 * 4096, 4096);
    CHECK(convert_data(&s, 5 * 4096, 4096, PRIVATE) == 0);
    CHECK(go_on(&s) == KVM_EXIT_HLT && s.script[0].result == 8 * 4096);
    CHECK(do_op(&s, op(GMEM_GUEST_CHECK, ON_PRIVATE, DATA, 8 * 4096, 3)) == KVM_EXIT_HLT && s.script[0].result == 8 * 4096);

    /* An operation that another has taken the place of begins anew, however far the old one was. */
    CHECK_FAULT(&s, do_op(&s, op(GMEM_GUEST_FILL, ON_PRIVATE, DATA, 9 * 4096, 4)), PRIVATE, DATA + 8 * 4096, 4096);
    s.script[0] = op(GMEM_GUEST_FILL, ON_PRIVATE, DATA, 64, 6);
    CHECK(go_on(&s) == KVM_EXIT_HLT && load(&s, ON_PRIVATE, DATA + 56, 8) == 6 && load(&s, ON_PRIVATE, DATA + 64, 8) == 4);
}

static void no_memslot_is_mmio(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    uint64_t nowhere = DATA + DATA_SIZE + 16;
    CHECK(do_op(&s, op(GMEM_GUEST_LOAD, EITHER, nowhere, 4, 0)) == KVM_EXIT_MMIO);
    CHECK(s.run->mmio.phys_addr == nowhere && s.run->mmio.len == 4 && !s.run->mmio.is_write && rip_of(s.vcpu) == SCRIPT);
    memcpy(s.run->mmio.data, "\1\2\3\4\5\6\7\7", 8);
    s.run->immediate_exit = 1; /* the access is completed all the same */
    CHECK(go_on(&s) == -1 && errno == EINTR && s.script[0].result == 0x04030201);
    s.run->immediate_exit = 0;
    CHECK(go_on(&s) == KVM_EXIT_HLT);

    CHECK(do_op(&s, op(GMEM_GUEST_STORE, SHARED_SIDE, nowhere, 2, 0xabcd)) == KVM_EXIT_MMIO);
    CHECK(s.run->mmio.is_write && s.run->mmio.len == 2 && memcmp(s.run->mmio.data, "\xcd\xab", 2) == 0);
    CHECK(go_on(&s) == KVM_EXIT_HLT);

    /* What the exit was about is not read back from the run page. */
    CHECK(do_op(&s, op(GMEM_GUEST_LOAD, EITHER, nowhere, 2, 0)) == KVM_EXIT_MMIO);
    memset(&s.run->mmio, 0xff, sizeof s.run->mmio);
    CHECK(go_on(&s) == KVM_EXIT_HLT && s.script[0].result == 0xffff);

    CHECK_FAULT(&s, do_op(&s, op(GMEM_GUEST_LOAD, ON_PRIVATE, nowhere, 4, 0)), PRIVATE, DATA + DATA_SIZE, 4096);
    CHECK(do_op(&s, op(GMEM_GUEST_FILL, SHARED_SIDE, nowhere, 8, 1)) == KVM_EXIT_INTERNAL_ERROR); /* nothing that an MMIO exit can say */

    /* Memory of the program's own, and a memslot that may not be written. */
    unsigned char *own = own_memory(4096);
    CHECK(plain_slot(s.vm, 5, 0, 0x4000000, 4096, own) == 0);
    store(&s, SHARED_SIDE, 0x4000000 + 8, 8, 77);
    CHECK(own[8] == 77 && load(&s, SHARED_SIDE, 0x4000000 + 8, 1) == 77);
    CHECK_FAULT(&s, do_op(&s, op(GMEM_GUEST_LOAD, ON_PRIVATE, 0x4000000, 4, 0)), PRIVATE, 0x4000000, 4096);
    if (in_place)
        CHECK(plain_slot(s.vm, 6, KVM_MEM_READONLY, 0x5000000, 4096, own) == 0
            && load(&s, SHARED_SIDE, 0x5000000 + 8, 1) == 77 && do_op(&s, op(GMEM_GUEST_STORE, SHARED_SIDE, 0x5000000 + 8, 1, 1)) == KVM_EXIT_MMIO && go_on(&s) == KVM_EXIT_HLT && own[8] == 77);
    CHECK(munmap(own, 4096) == 0);
    CHECK_FAULT(&s, do_op(&s, op(GMEM_GUEST_LOAD, SHARED_SIDE, 0x4000000, 4, 0)), 0, 0x4000000, 4096);
}

static void a_slot_without_its_file(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    int fd = create(s.vm, 4096, MMAP_AND_SHARED);
    CHECK(set_slot(s.vm, 2, 0x3000000, 4096, 0, fd, 0) == 0);
    store(&s, SHARED_SIDE, 0x3000000, 8, 1);
    close(fd);
    CHECK_FAULT(&s, do_op(&s, op(GMEM_GUEST_LOAD, EITHER, 0x3000000, 8, 0)), 0, 0x3000000, 4096);
    CHECK(set_slot(s.vm, 2, 0x3000000, 0, 0, -1, 0) == 0);
    CHECK(go_on(&s) == KVM_EXIT_MMIO);
}

static void ports_loops_and_halts(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    s.script[0] = op(GMEM_GUEST_IO_OUT, 0, 0x3f8, 2, 0xbeef);
    s.script[1] = op(GMEM_GUEST_IO_IN, 0, 0x70, 1, 0);
    s.script[2] = op(GMEM_GUEST_STORE, SHARED_SIDE, DATA, 1, 1);
    s.script[3] = op(GMEM_GUEST_LOOP, 0, SCRIPT, 0, 3);
    s.script[4] = op(GMEM_GUEST_JUMP, 0, SCRIPT + 6 * 64, 0, 0);
    s.script[6] = op(GMEM_GUEST_HALT, 0, 0, 0, 0);
    for (int again = 0; again < 2; ++again) {
        go_to(s.vcpu, SCRIPT);
        for (uint64_t i = 0; i < 3; ++i) {
            CHECK(go_on(&s) == KVM_EXIT_IO && s.run->io.direction == KVM_EXIT_IO_OUT && s.run->io.port == 0x3f8 && s.run->io.size == 2 && s.run->io.count == 1);
            CHECK(memcmp((char *)s.run + s.run->io.data_offset, "\xef\xbe\0\0", 4) == 0 && rip_of(s.vcpu) == SCRIPT + 64);
            CHECK(go_on(&s) == KVM_EXIT_IO && s.run->io.direction == KVM_EXIT_IO_IN && s.run->io.port == 0x70 && s.run->io.size == 1);
            memset((char *)s.run + s.run->io.data_offset, (int)(0x40 + i), 4);
        }
        CHECK(go_on(&s) == KVM_EXIT_HLT && s.script[1].result == 0x42 && rip_of(s.vcpu) == SCRIPT + 7 * 64);
    }
}

/* What a VMM does with KVM_HC_MAP_GPA_RANGE: the memslots that the range touches, one after the other. */
static void convert_as_asked(struct scripted *s, int second)
{
    uint64_t gpa = s->run->hypercall.args[0], size = s->run->hypercall.args[1] * 4096, to = s->run->hypercall.args[2] & 16 ? PRIVATE : 0;
    uint64_t border = DATA + DATA_SIZE;
    int result = 0;
    if (gpa < border)
        result = convert(s->data, gpa - DATA, (gpa + size < border ? gpa + size : border) - gpa, to);
    if (result == 0 && gpa + size > border) {
        uint64_t from = gpa > border ? gpa : border;
        result = convert(second, from - border, gpa + size - from, to);
    }
    s->run->hypercall.ret = result ? (__u64)-errno : 0;
}

static int enable(int vm, uint32_t capability, uint64_t argument)
{
    struct kvm_enable_cap c;
    memset(&c, 0, sizeof c);
    c.cap = capability;
    c.args[0] = argument;
    return ioctl(vm, KVM_ENABLE_CAP, &c);
}

static void conversions_on_request(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    int second = create(s.vm, DATA_SIZE, MMAP_AND_SHARED);
    unsigned char *window = map_file(second, DATA_SIZE);
    CHECK(set_slot(s.vm, 2, DATA + DATA_SIZE, DATA_SIZE, 0, second, 0) == 0);
    struct gmem_guest_op to_private = op(GMEM_GUEST_MAP_GPA_RANGE, 0, DATA + DATA_SIZE - 2 * 4096, 5, 16), to_shared = to_private;
    to_shared.value = 0;

    CHECK(do_op(&s, to_private) == KVM_EXIT_HLT && s.script[0].result == (uint64_t)-1000); /* nobody listens */
    CHECK(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_EXIT_HYPERCALL) == 1 << 12);
    CHECK(FAILS(enable(s.vm, KVM_CAP_EXIT_HYPERCALL, 1 << 11), EINVAL));
    CHECK(enable(s.vm, KVM_CAP_EXIT_HYPERCALL, 1 << 12) == 0);
    for (int bad = 0; bad < 3; ++bad) {
        struct gmem_guest_op o = op(GMEM_GUEST_MAP_GPA_RANGE, 0, bad == 0 ? DATA + 8 : DATA, bad == 1 ? 0 : bad == 2 ? ~(uint64_t)0 : 1, 16);
        CHECK(do_op(&s, o) == KVM_EXIT_HLT && s.script[0].result == (uint64_t)-22);
    }
    CHECK(do_op(&s, to_private) == KVM_EXIT_HYPERCALL && s.run->hypercall.nr == 12 && s.run->hypercall.args[0] == to_private.gpa
        && s.run->hypercall.args[1] == 5 && s.run->hypercall.args[2] == 16 && rip_of(s.vcpu) == SCRIPT);
    convert_as_asked(&s, second);
    CHECK(go_on(&s) == KVM_EXIT_HLT && s.script[0].result == 0);
    CHECK(look(s.window + DATA_SIZE - 1) == -1 && look(window) == -1 && look(window + 3 * 4096) == 0 && look(s.window + DATA_SIZE - 2 * 4096 - 1) == 0);
    CHECK(do_op(&s, op(GMEM_GUEST_FILL, ON_PRIVATE, to_private.gpa, 5 * 4096, 0x4242424242424242)) == KVM_EXIT_HLT && s.script[0].result == 5 * 4096);
    CHECK(do_op(&s, to_shared) == KVM_EXIT_HYPERCALL && s.run->hypercall.args[2] == 0);
    convert_as_asked(&s, second);
    CHECK(go_on(&s) == KVM_EXIT_HLT && s.script[0].result == 0 && look(s.window + DATA_SIZE - 1) == 0x42 && look(window) == 0x42);
    CHECK(do_op(&s, to_private) == KVM_EXIT_HYPERCALL);
    s.run->hypercall.ret = (uint64_t)-5; /* the VMM will not, and the guest is told what it said */
    CHECK(go_on(&s) == KVM_EXIT_HLT && s.script[0].result == (uint64_t)-5);
    /* A VMM that sends the guest elsewhere instead of answering. */
    CHECK(do_op(&s, to_private) == KVM_EXIT_HYPERCALL);
    s.script[5] = op(GMEM_GUEST_HALT, 0, 0, 0, 0);
    go_to(s.vcpu, SCRIPT + 5 * 64);
    CHECK(go_on(&s) == KVM_EXIT_HLT && rip_of(s.vcpu) == SCRIPT + 6 * 64);
    CHECK(enable(s.vm, KVM_CAP_EXIT_HYPERCALL, 0) == 0);
    CHECK(do_op(&s, to_private) == KVM_EXIT_HLT && s.script[0].result == (uint64_t)-1000);
}

/* Several vCPUs; each has pages of its own and a counter that nobody else writes, while their pages are converted to and fro. */
enum { VCPUS = 4, PAGES_EACH = 8, ROUNDS = 40 };
static struct scripted shared_vm;
static atomic_int running;
static atomic_long faults;

static void *run_vcpu(void *argument)
{
    uint64_t number = (uint64_t)(uintptr_t)argument, base = number * PAGES_EACH * 4096, at = SCRIPT + 0x1000 * (number + 1);
    int vcpu = ioctl(shared_vm.vm, KVM_CREATE_VCPU, 1 + number);
    CHECK(vcpu >= 0);
    struct kvm_run *run = map_run(vcpu);
    struct gmem_guest_op *script = shared_vm.script + (at - SCRIPT) / 64;
    for (uint64_t round = 1; round <= ROUNDS; ++round) {
        uint32_t side = round % 3 == 0 ? EITHER : round % 3 == 1 ? ON_PRIVATE : SHARED_SIDE;
        script[0] = op(GMEM_GUEST_FILL, side, DATA + base, PAGES_EACH * 4096, number << 32 | round);
        script[1] = op(GMEM_GUEST_CHECK, EITHER, DATA + base, PAGES_EACH * 4096, number << 32 | round);
        script[2] = op(GMEM_GUEST_HALT, 0, 0, 0, 0);
        go_to(vcpu, at);
        while (ioctl(vcpu, KVM_RUN, 0) != 0) {
            struct memory_fault told;
            CHECK(errno == EFAULT && run->exit_reason == EXIT_MEMORY_FAULT);
            memcpy(&told, &run->hw, sizeof told);
            CHECK(told.gpa >= DATA + base && told.gpa < DATA + base + PAGES_EACH * 4096 && told.size == 4096 && told.flags == (side == ON_PRIVATE ? PRIVATE : 0));
            atomic_fetch_add(&faults, 1);
            CHECK(convert_data(&shared_vm, told.gpa - DATA, told.size, told.flags) == 0);
        }
        CHECK(run->exit_reason == KVM_EXIT_HLT && script[0].result == PAGES_EACH * 4096);
        if (in_place) /* contents stay where they are, whatever is converted meanwhile */
            CHECK(script[1].result == PAGES_EACH * 4096);
    }
    atomic_fetch_sub(&running, 1);
    close(vcpu);
    return NULL;
}

static void many_vcpus_and_a_converter(void)
{
    pthread_t threads[VCPUS];
    shared_vm = start(KVM_X86_SW_PROTECTED_VM);
    atomic_store(&running, VCPUS);
    for (uintptr_t i = 0; i < VCPUS; ++i)
        CHECK(pthread_create(&threads[i], NULL, run_vcpu, (void *)i) == 0);
    for (unsigned n = 0; atomic_load(&running) != 0; ++n) {
        uint64_t page = n * 7919 % (VCPUS * PAGES_EACH);
        int result = convert_data(&shared_vm, page * 4096, 4096, n / 3 % 2 ? PRIVATE : 0);
        CHECK(result == 0 || errno == EAGAIN);
        usleep(50);
    }
    for (int i = 0; i < VCPUS; ++i)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(atomic_load(&faults) > 0);
    printf("        %ld memory faults\n", atomic_load(&faults));
}

static struct kvm_run *volatile kicked_run;
static atomic_int handled;

static void on_kick(int number)
{
    atomic_fetch_add(&handled, 1);
    if (number == SIGUSR2)
        kicked_run->immediate_exit = 1;
}

static atomic_int left;

/* The signal is blocked but inside KVM_RUN, so none can come between two runs unseen: the program takes it itself. */
static void *run_for_ever(void *argument)
{
    struct scripted *s = argument;
    struct { struct kvm_signal_mask head; unsigned char bytes[8]; } mask = { { 8 }, { 0 } };
    CHECK(ioctl(s->vcpu, KVM_SET_SIGNAL_MASK, &mask) == 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    for (int i = 0; i < 20; ++i) {
        int number = 0;
        CHECK(go_on(s) == -1 && errno == EINTR && s->run->exit_reason == KVM_EXIT_INTR);
        CHECK(sigwait(&set, &number) == 0 && number == SIGUSR1);
        atomic_fetch_add(&left, 1);
    }
    CHECK(ioctl(s->vcpu, KVM_SET_SIGNAL_MASK, NULL) == 0);
    return NULL;
}

static void *run_once(void *argument)
{
    CHECK(go_on(argument) == -1 && errno == EINTR);
    atomic_store(&left, 1);
    return NULL;
}

static void a_vcpu_is_kicked(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_kick;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
    s.script[0] = op(GMEM_GUEST_STORE, SHARED_SIDE, DATA, 8, 1);
    s.script[1] = op(GMEM_GUEST_JUMP, 0, SCRIPT, 0, 0);
    go_to(s.vcpu, SCRIPT);
    s.run->immediate_exit = 1;
    CHECK(go_on(&s) == -1 && errno == EINTR && s.window[0] == 0); /* before the first operation */
    s.run->immediate_exit = 0;

    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    pthread_t thread; /* one EINTR a signal, none made up and none lost */
    CHECK(pthread_create(&thread, NULL, run_for_ever, &s) == 0);
    for (int i = 0; i < 20; ++i) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        while (atomic_load(&left) < i + 1)
            usleep(100);
    }
    CHECK(pthread_join(thread, NULL) == 0 && atomic_load(&handled) == 0 && atomic_load(&left) == 20);
    CHECK(s.window[0] == 1);

    /* A handler runs, also one with SA_RESTART, and the run is over. */
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    atomic_store(&left, 0);
    CHECK(pthread_create(&thread, NULL, run_once, &s) == 0);
    while (!atomic_load(&left)) { /* the thread may not have got there yet */
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        usleep(1000);
    }
    CHECK(pthread_join(thread, NULL) == 0 && atomic_load(&handled) > 0);
    atomic_store(&handled, 20);

    /* A handler that sets immediate_exit, at any moment. */
    kicked_run = s.run;
    struct itimerspec once = { { 0, 0 }, { 0, 20000000 } };
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR2;
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &once, NULL) == 0);
    CHECK(go_on(&s) == -1 && errno == EINTR && s.run->immediate_exit == 1);
    CHECK(go_on(&s) == -1 && errno == EINTR);
    s.run->immediate_exit = 0;

    /* A signal that is blocked but for KVM_RUN: EINTR, and it stays pending. */
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    struct { struct kvm_signal_mask head; unsigned char bytes[8]; } mask = { { 8 }, { 0 } };
    CHECK(ioctl(s.vcpu, KVM_SET_SIGNAL_MASK, &mask) == 0);
    raise(SIGUSR1);
    CHECK(go_on(&s) == -1 && errno == EINTR && s.run->exit_reason == KVM_EXIT_INTR);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) && atomic_load(&handled) == 21);
    /* One that is blocked there too does not end it. */
    memset(mask.bytes, 0xff, 8);
    CHECK(ioctl(s.vcpu, KVM_SET_SIGNAL_MASK, &mask) == 0);
    s.script[0] = op(GMEM_GUEST_HALT, 0, 0, 0, 0);
    go_to(s.vcpu, SCRIPT);
    CHECK(go_on(&s) == KVM_EXIT_HLT);
    CHECK(ioctl(s.vcpu, KVM_SET_SIGNAL_MASK, NULL) == 0);
    mask.head.len = 4;
    CHECK(FAILS(ioctl(s.vcpu, KVM_SET_SIGNAL_MASK, &mask), EINVAL));
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0 && atomic_load(&handled) == 22);
}

static void what_is_no_operation(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    struct gmem_guest_op bad[] = {
        op(0, 0, 0, 0, 0), op(999, 0, 0, 0, 0), op(GMEM_GUEST_LOAD, SHARED_SIDE, DATA, 3, 0), op(GMEM_GUEST_LOAD, SHARED_SIDE, DATA, 16, 0),
        op(GMEM_GUEST_LOAD, SHARED_SIDE, DATA + 4093, 4, 0), op(GMEM_GUEST_LOAD, ON_PRIVATE | EITHER, DATA, 4, 0), op(GMEM_GUEST_LOAD, 1u << 31, DATA, 4, 0),
        op(GMEM_GUEST_LOAD, SHARED_SIDE, DATA, 4, 1), op(GMEM_GUEST_FILL, SHARED_SIDE, DATA + 4, 8, 0), op(GMEM_GUEST_FILL, SHARED_SIDE, DATA, 0, 0),
        op(GMEM_GUEST_FILL, SHARED_SIDE, ~(uint64_t)7, 16, 0), op(GMEM_GUEST_JUMP, 0, SCRIPT + 1, 0, 0), op(GMEM_GUEST_IO_OUT, 0, 0x10000, 1, 0), op(GMEM_GUEST_HALT, 0, 1, 0, 0),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        CHECK(do_op(&s, bad[i]) == KVM_EXIT_SHUTDOWN && rip_of(s.vcpu) == SCRIPT);
        CHECK(go_on(&s) == KVM_EXIT_SHUTDOWN);
        s.script[0] = op(GMEM_GUEST_HALT, 0, 0, 0, 0);
        CHECK(go_on(&s) == KVM_EXIT_HLT);
    }
    struct gmem_guest_op reserved = op(GMEM_GUEST_HALT, 0, 0, 0, 0);
    reserved.reserved = 1;
    CHECK(do_op(&s, reserved) == KVM_EXIT_SHUTDOWN);

    /* Instructions of platforms that this VM is not: an exception of the guest's, and the next operation. */
    uint32_t vendors[] = { GMEM_GUEST_PSC_MSR, GMEM_GUEST_PSC_NAE, GMEM_GUEST_TD_MAPGPA, GMEM_GUEST_MEM_SHARE, GMEM_GUEST_MEM_UNSHARE, GMEM_GUEST_MEM_RELINQUISH,
        GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PVALIDATE, GMEM_GUEST_RMPADJUST, GMEM_GUEST_TD_ACCEPT };
    for (size_t i = 0; i < sizeof vendors / sizeof vendors[0]; ++i)
        CHECK(do_op(&s, op(vendors[i], 0, 0, 0, 0)) == KVM_EXIT_HLT && s.script[0].status == GMEM_GUEST_UNDEFINED);

    /* Where no operation is. */
    go_to(s.vcpu, SCRIPT + 8);
    CHECK(go_on(&s) == KVM_EXIT_SHUTDOWN);
    go_to(s.vcpu, (uint64_t)1 << 60);
    CHECK(go_on(&s) == KVM_EXIT_SHUTDOWN);
    go_to(s.vcpu, 0x7000000);
    CHECK(go_on(&s) == KVM_EXIT_INTERNAL_ERROR && s.run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION && rip_of(s.vcpu) == 0x7000000);
    if (in_place) {
        int lost = create(s.vm, 4096, MMAP_AND_SHARED);
        CHECK(set_slot(s.vm, 2, 0x7000000, 4096, 0, lost, 0) == 0);
        close(lost);
        CHECK_FAULT(&s, go_on(&s), 0, 0x7000000, 4096);

        /* A script that has become private runs on; what it told is in it when it is shared again. */
        s.script[0] = op(GMEM_GUEST_LOAD, SHARED_SIDE, DATA, 1, 0);
        s.script[1] = op(GMEM_GUEST_HALT, 0, 0, 0, 0);
        s.window[0] = 0x17;
        CHECK(convert(s.script_file, 0, 4096, PRIVATE) == 0);
        go_to(s.vcpu, SCRIPT);
        CHECK(go_on(&s) == KVM_EXIT_HLT);
        CHECK(convert(s.script_file, 0, 4096, 0) == 0 && s.script[0].result == 0x17);
    }
}

static void a_vm_without_private_memory(void)
{
    struct scripted s = start(0);
    store(&s, ON_PRIVATE, DATA, 8, 3);
    CHECK(load(&s, SHARED_SIDE, DATA, 8) == 3 && s.window[0] == 3);
    CHECK(do_op(&s, op(GMEM_GUEST_LOAD, ON_PRIVATE, DATA + DATA_SIZE, 8, 0)) == KVM_EXIT_MMIO);
}

static void ioctls_of_the_vcpu(void)
{
    struct scripted s = start(KVM_X86_SW_PROTECTED_VM);
    CHECK(FAILS(ioctl(s.vm, KVM_CREATE_VCPU, 0), EEXIST));
    CHECK(FAILS(ioctl(s.vm, KVM_CREATE_VCPU, -1), EINVAL));
    CHECK(FAILS(ioctl(s.vm, KVM_CREATE_VCPU, ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID)), EINVAL));
    CHECK(FAILS(ioctl(s.vcpu, KVM_RUN, 1), EINVAL));
    struct kvm_sregs sregs, again;
    CHECK(ioctl(s.vcpu, KVM_GET_SREGS, &sregs) == 0);
    sregs.cr3 = 0x1234;
    CHECK(ioctl(s.vcpu, KVM_SET_SREGS, &sregs) == 0 && ioctl(s.vcpu, KVM_GET_SREGS, &again) == 0 && again.cr3 == 0x1234);
    CHECK(FAILS(ioctl(s.vcpu, KVM_GET_REGS, (void *)8), EFAULT) && FAILS(ioctl(s.vcpu, KVM_SET_REGS, (void *)8), EFAULT));
    struct kvm_mp_state state = { KVM_MP_STATE_HALTED };
    CHECK(FAILS(ioctl(s.vcpu, KVM_SET_MP_STATE, &state), EINVAL));
    CHECK(ioctl(s.vcpu, KVM_GET_MP_STATE, &state) == 0 && state.mp_state == KVM_MP_STATE_RUNNABLE);
    struct kvm_cpuid2 cpuid = { 0, 0 };
    CHECK(ioctl(s.vcpu, KVM_SET_CPUID2, &cpuid) == 0);
    struct kvm_msrs msrs = { .nmsrs = 3 };
    CHECK(ioctl(s.vcpu, KVM_SET_MSRS, &msrs) == 3);
    CHECK(FAILS(ioctl(s.vcpu, KVM_NMI, 0), ENOTTY));
    struct { uint64_t gpa, size, flags, padding[5]; } pre_fault = { DATA, 8192, 0, { 0 } };
    CHECK(ioctl(s.vcpu, 0xC040AED5ul, &pre_fault) == 0 && pre_fault.size == 0);

    int copy = dup(s.vcpu);
    s.script[0] = op(GMEM_GUEST_HALT, 0, 0, 0, 0);
    go_to(s.vcpu, SCRIPT);
    close(s.vcpu);
    CHECK(ioctl(copy, KVM_RUN, 0) == 0 && s.run->exit_reason == KVM_EXIT_HLT);
    close(copy);
    int other = open("/dev/null", O_RDWR); /* the lowest number: not ours any more */
    CHECK(FAILS(ioctl(other, KVM_RUN, 0), ENOTTY));
}

static void case_of(const char *name, void (*body)(void))
{
    double begin = now();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
        CHECK(kvm >= 0);
        expect_sigbus();
        body();
        exit(0);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    ++cases_run;
    cases_failed += status != 0;
    printf("%s %s: %.0f ms\n", status ? "FAILED " : "ok     ", name, (now() - begin) * 1e3);
    if (WIFSIGNALED(status))
        printf("        by signal %d\n", WTERMSIG(status));
}

#define CASE(body) case_of(#body, body)

int main(int argc, char **argv)
{
    in_place = argc < 2 || strcmp(argv[1], "off") != 0;
    CASE(loads_and_stores);
    CASE(the_wrong_side_is_a_memory_fault);
    CASE(no_memslot_is_mmio);
    CASE(ports_loops_and_halts);
    if (in_place) {
        CASE(a_slot_without_its_file);
        CASE(conversions_on_request);
    }
    CASE(many_vcpus_and_a_converter);
    CASE(a_vcpu_is_kicked);
    CASE(what_is_no_operation);
    CASE(a_vm_without_private_memory);
    CASE(ioctls_of_the_vcpu);
    return cases_result("scripted_guest");
}
