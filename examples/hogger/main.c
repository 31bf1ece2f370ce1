/*
 * A guest that hogs its memory and has it converted to and fro, and its VMM. See docs/hogger.md.
 *
 * Exit status: 0 every byte was right; 1 one was not, with a sentence; 2 arguments; 3 this kernel lacks the interface.
 */
#include "hogger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct machine machine;
static uint64_t measured_since;
static uint64_t faults_before;

void fail(const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    int n = snprintf(sentence, sizeof sentence, "hogger: ");
    n += vsnprintf(sentence + n, sizeof sentence - (size_t)n - 1, format, arguments);
    va_end(arguments);
    if (n > (int)sizeof sentence - 2)
        n = (int)sizeof sentence - 2;
    sentence[n++] = '\n';
    if (write(2, sentence, (size_t)n) < 0)
        _exit(1);
    _exit(1);
}

static uint64_t nanoseconds_by(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t nanoseconds(void) { return nanoseconds_by(CLOCK_MONOTONIC); }
uint64_t processor_nanoseconds(void) { return nanoseconds_by(CLOCK_THREAD_CPUTIME_ID); }

/* Everything before was the guest's taking its memory for the first time. */
void measure_from_here(struct machine *m, uint32_t vcpu)
{
    memset(&m->tally[vcpu], 0, sizeof m->tally[vcpu]);
    m->samples[vcpu][0].count = m->samples[vcpu][1].count = 0;
    uint64_t none = 0;
    if (__atomic_compare_exchange_n(&measured_since, &none, nanoseconds(), 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        faults_before = usage_faults();
}

static int lacking(const char *what, const char *how)
{
    fprintf(stderr, "hogger: this kernel has no %s; run me under gmem: %s\n", what, how);
    return 3;
}

/* 0, or 3 with a sentence. */
static int create_vm(struct machine *m)
{
    enum { CAP_MEMORY_ATTRIBUTES = 233, CAP_EXIT_HYPERCALL = 201, MAP_GPA_RANGE = 12 };
    m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (m->kvm < 0)
        return lacking("/dev/kvm that I may open", "gmem run -- hogger");
    if (m->options.mode == IN_PLACE && ioctl(m->kvm, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES) <= 0)
        return lacking("in-place conversion of guest_memfd (KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES)", "gmem run -- hogger");
    if (m->options.mode == TWO_SOURCE && ioctl(m->kvm, KVM_CHECK_EXTENSION, CAP_MEMORY_ATTRIBUTES) <= 0)
        return lacking("attributes of the VM's memory (KVM_CAP_MEMORY_ATTRIBUTES)", "gmem run --in-place=off -- hogger --mode=two-source");
    m->vm = ioctl(m->kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
    if (m->vm < 0)
        fail("KVM_CREATE_VM of type KVM_X86_SW_PROTECTED_VM: %s", strerror(errno));
    struct kvm_enable_cap cap;
    memset(&cap, 0, sizeof cap);
    cap.cap = CAP_EXIT_HYPERCALL;
    cap.args[0] = UINT64_C(1) << MAP_GPA_RANGE;
    if (ioctl(m->vm, KVM_ENABLE_CAP, &cap) < 0)
        fail("KVM_CAP_EXIT_HYPERCALL: %s", strerror(errno));
    return 0;
}

static void until_it_is_over(struct machine *m, struct usage *u, const struct device *d)
{
    uint64_t begin = nanoseconds(), give_up = 0;
    while (vcpus_done < m->options.vcpus) {
        struct timespec t = { 0, 20000000 };
        nanosleep(&t, NULL);
        usage_sample(u, d->pid);
        device_look(d);
        uint64_t since = m->options.work == WORK_PING_PONG ? __atomic_load_n(&measured_since, __ATOMIC_RELAXED) : begin, now = nanoseconds();
        if (!give_up && m->options.steps == 0 && since && (double)(now - since) / 1e9 >= m->options.seconds) {
            board_of(m)->stop = 1;
            give_up = now + UINT64_C(120000000000);
        }
        if (give_up && now > give_up)
            fail("%u of %u vCPUs are not back two minutes after they were asked to stop", m->options.vcpus - vcpus_done, m->options.vcpus);
    }
}

int main(int argc, char **argv)
{
    struct machine *m = &machine;
    int socket;
    if (argc == 2 && sscanf(argv[1], "--device-on=%d", &socket) == 1)
        return device_process(socket);
    int bad = options_read(&m->options, argc, argv);
    if (bad || (bad = create_vm(m)))
        return bad;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (m->options.log)
        log_open(m->options.log);
    watch_sigbus();
    memory_create(m);
    guest_load(m);
    struct device device = { -1, 0 };
    if (m->options.device == ON)
        device = device_start(m);

    struct usage usage = { 0, 0 };
    uint64_t begin = nanoseconds();
    faults_before = usage_faults();
    pthread_t vcpus[MAX_VCPUS], holder;
    static struct vcpu_arguments arguments[MAX_VCPUS];
    for (uint32_t i = 0; i < m->options.vcpus; ++i) {
        arguments[i] = (struct vcpu_arguments){ m, i };
        if (pthread_create(&vcpus[i], NULL, vcpu_main, &arguments[i]) != 0)
            fail("a thread: %s", strerror(errno));
    }
    if (m->options.holder == ON && pthread_create(&holder, NULL, holder_main, m) != 0)
        fail("a thread: %s", strerror(errno));
    until_it_is_over(m, &usage, &device);
    for (uint32_t i = 0; i < m->options.vcpus; ++i)
        pthread_join(vcpus[i], NULL);
    holder_stop = 1;
    if (m->options.holder == ON)
        pthread_join(holder, NULL);
    struct summary s = { .nanoseconds = nanoseconds() - (measured_since ? measured_since : begin), .peak_bytes = usage.peak_bytes, .faults = usage_faults() - faults_before };
    if (m->options.device == ON)
        s.device = device_stop(&device);
    report(m, &s);
    return 0;
}
