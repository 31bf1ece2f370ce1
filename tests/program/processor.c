/*
 * CPUID as on a processor with SNP or TDX (`gmem run --processor=`): what it answers, in whichever thread and with whatever blocked, and that a program's own SIGSEGV stays its
 * own. Argument: "supported" asks whether CPUID can be made to fault here (77: no); else "snp" or "tdx". Exit 0; 1 with the line that failed.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);     \
            _exit(1);                                                                             \
        }                                                                                         \
    } while (0)

struct answer { unsigned eax, ebx, ecx, edx; };
enum { SET_CPUID = 0x1012 };
static int snp;

static struct answer cpuid(unsigned leaf, unsigned subleaf)
{
    struct answer a;
    __cpuid_count(leaf, subleaf, a.eax, a.ebx, a.ecx, a.edx);
    return a;
}

static struct answer native(unsigned leaf, unsigned subleaf)
{
    CHECK(syscall(SYS_arch_prctl, SET_CPUID, 1) == 0);
    struct answer a = cpuid(leaf, subleaf);
    CHECK(syscall(SYS_arch_prctl, SET_CPUID, 0) == 0);
    return a;
}

static void look(void)
{
    struct answer sizes = cpuid(0x80000008, 0);
    if (snp) {
        struct answer vendor = cpuid(0, 0), highest = cpuid(0x80000000, 0), sev = cpuid(0x8000001f, 0);
        CHECK(vendor.ebx == 0x68747541 && vendor.edx == 0x69746e65 && vendor.ecx == 0x444d4163 && vendor.eax == native(0, 0).eax);
        CHECK(highest.eax >= 0x8000001f && highest.ebx == vendor.ebx);
        CHECK((sev.eax & 0x1a) == 0x1a && (sev.ebx & 63) == 51 && (sev.ebx >> 6 & 63) == 5);
        CHECK(sizes.eax == native(0x80000008, 0).eax);
    } else {
        CHECK((sizes.eax & 0xff) == 52 && sizes.eax >> 8 == native(0x80000008, 0).eax >> 8);
        CHECK(cpuid(0, 0).ebx == native(0, 0).ebx && cpuid(0x80000000, 0).eax == native(0x80000000, 0).eax);
    }
    for (unsigned leaf = 1; leaf <= 7; leaf += 6) {
        struct answer here = cpuid(leaf, 0), there = native(leaf, 0);
        CHECK(here.eax == there.eax && here.ecx == there.ecx && here.edx == there.edx);
    }
    CHECK(cpuid(4, 0).ebx == native(4, 0).ebx && cpuid(4, 1).eax == native(4, 1).eax && cpuid(4, 2).eax == native(4, 2).eax); /* subleaves */
}

static volatile int calls;
static volatile siginfo_t seen;
static sigjmp_buf escape;
static void escaping(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    ++calls;
    *(siginfo_t *)(uintptr_t)&seen = *info;
    look();
    siglongjmp(escape, 1);
}
static void simple(int number)
{
    (void)number;
    ++calls;
    look();
}
static volatile uintptr_t nowhere = 16;
static void fault(void) { *(volatile int *)nowhere = 1; }

static void *with_all_blocked(void *raw)
{
    sigset_t all;
    sigfillset(&all);
    uint64_t word = ~UINT64_C(0);
    if (raw)
        CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &word, NULL, sizeof word) == 0);
    else
        CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    look();
    return NULL;
}

static int death_of(void (*how)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        look();
        how();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}
static void sent(void) { kill(getpid(), SIGSEGV); }
static void sent_and_ignored(void)
{
    signal(SIGSEGV, SIG_IGN);
    kill(getpid(), SIGSEGV);
}

static void own_handlers(void)
{
    struct sigaction action = { .sa_sigaction = escaping, .sa_flags = SA_SIGINFO }, before;
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGSEGV, &action, &before) == 0 && before.sa_handler == SIG_DFL);
    look();
    CHECK(calls == 0);
    for (int i = 1; i <= 2; ++i) {
        if (sigsetjmp(escape, 1) == 0)
            fault();
        CHECK(calls == i && seen.si_code == SEGV_MAPERR && seen.si_addr == (void *)16);
    }
    look();
    CHECK(sigaction(SIGSEGV, NULL, &before) == 0 && before.sa_sigaction == escaping);
    CHECK(signal(SIGSEGV, simple) == (sighandler_t)(uintptr_t)escaping);
    CHECK(raise(SIGSEGV) == 0 && calls == 3);
    action.sa_handler = simple, action.sa_flags = (int)SA_RESETHAND;
    CHECK(sigaction(SIGSEGV, &action, &before) == 0 && before.sa_handler == simple);
    CHECK(raise(SIGSEGV) == 0 && calls == 4 && sigaction(SIGSEGV, NULL, &before) == 0 && before.sa_handler == SIG_DFL);
    struct sigaction other = { .sa_handler = simple }; /* of another signal, which blocks everything meanwhile */
    sigfillset(&other.sa_mask);
    CHECK(sigaction(SIGUSR1, &other, NULL) == 0 && raise(SIGUSR1) == 0 && calls == 5);
}

/* Address sizes in what KVM supports: those of such a processor. */
static void kvm(void)
{
    static struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entries[200]; } supported;
    int device = open("/dev/kvm", O_RDWR);
    supported.head.nent = 200;
    if (device < 0 || ioctl(device, KVM_GET_SUPPORTED_CPUID, &supported) != 0)
        return;
    for (unsigned i = 0; i < supported.head.nent; ++i)
        if (supported.entries[i].function == 0x80000008 && !snp)
            CHECK((supported.entries[i].eax & 0xff) == 52 && (supported.entries[i].eax >> 16 & 0xff) == 48);
}

/* Itself once more, begun by posix_spawn with everything really blocked. */
static void spawned(char **argv)
{
    extern char **environ;
    char *words[] = { argv[0], argv[1], (char *)(uintptr_t) "again", NULL };
    posix_spawnattr_t attributes;
    sigset_t all;
    pid_t child;
    int status;
    sigfillset(&all);
    CHECK(posix_spawnattr_init(&attributes) == 0 && posix_spawnattr_setsigmask(&attributes, &all) == 0 && posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK) == 0);
    CHECK(posix_spawn(&child, "/proc/self/exe", NULL, &attributes, words, environ) == 0 && waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    if (strcmp(argv[1], "supported") == 0)
        return syscall(SYS_arch_prctl, SET_CPUID, 1) == 0 ? 0 : 77;
    snp = strcmp(argv[1], "snp") == 0;
    look();
    if (argc > 2)
        return 0; /* executed by itself */
    for (int raw = 0; raw < 2; ++raw) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, with_all_blocked, raw ? &thread : NULL) == 0 && pthread_join(thread, NULL) == 0);
    }
    own_handlers();
    CHECK(death_of(fault) == SIGSEGV && death_of(sent) == SIGSEGV && death_of(sent_and_ignored) == 0);
    kvm();
    spawned(argv);
    sigset_t all;
    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    execl("/proc/self/exe", argv[0], argv[1], "again", (char *)NULL);
    CHECK(0);
}
