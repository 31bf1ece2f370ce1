/*
 * Each case in a process of its own, as kernel test harnesses do it: by fork(), and by a raw clone3() that suspends its parent. And the
 * host's looks at memory that may be private. For test programs in plain C.
 */
#ifndef GMEM_TESTS_CASES_H
#define GMEM_TESTS_CASES_H

#include "machine.h"

#include <linux/sched.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { SKIP = 77, PRIVATE = 8 };

static int cases_run, cases_failed, cases_skipped;
static unsigned case_seconds = 30;
static int case_without_kvm; /* cases that need no guest open what they need themselves */

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* CLONE_VFORK suspends the parent until the child ends; 0 does not. */
static inline pid_t raw_fork(uint64_t flags)
{
    struct clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = flags;
    arguments.exit_signal = SIGCHLD;
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

/* Opens /dev/kvm and runs the case: descriptors of a VM are of use to the process that made them only. */
static inline void run_case(const char *name, void (*body)(int), int variant)
{
    double begin = now();
    fflush(NULL);
    pid_t child = cases_run++ % 2 ? raw_fork(CLONE_VFORK) : fork();
    if (child == 0) {
        alarm(case_seconds);
        if (!case_without_kvm && open_kvm() != 0)
            exit(SKIP);
        body(variant);
        exit(0);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    int skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIP, right = status == 0;
    cases_skipped += skipped;
    cases_failed += !skipped && !right;
    printf("%s %s %d: %.0f ms\n", right ? "ok     " : skipped ? "skipped" : "FAILED ", name, variant, (now() - begin) * 1e3);
    if (WIFSIGNALED(status))
        printf("        by signal %d\n", WTERMSIG(status));
}

static inline int cases_result(const char *program)
{
    printf("%s: %d cases, %d failed, %d skipped\n", program, cases_run, cases_failed, cases_skipped);
    return cases_failed ? 1 : cases_skipped == cases_run ? SKIP : 0;
}

static sigjmp_buf escape_;
static void *volatile touched_;

static inline void on_sigbus_(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    if (info->si_code != BUS_ADRERR || info->si_addr != touched_)
        _exit(3);
    siglongjmp(escape_, 1);
}

static inline void expect_sigbus(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus_;
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);
}

/* The byte that the host reads, or -1: SIGBUS, with the code and the address that it has to have. */
static inline int look(volatile unsigned char *p)
{
    touched_ = (void *)(uintptr_t)p;
    if (sigsetjmp(escape_, 1))
        return -1;
    return *p;
}

/* Writes: 0, or -1. */
static inline int put(volatile unsigned char *p, int value)
{
    touched_ = (void *)(uintptr_t)p;
    if (sigsetjmp(escape_, 1))
        return -1;
    *p = (unsigned char)value;
    return 0;
}

static inline unsigned char *map_file(int fd, size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static inline int plain_slot(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, const void *address)
{
    struct kvm_userspace_memory_region r = { slot, flags, gpa, size, (uintptr_t)address };
    return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

#define FAILS(call, err) (errno = 0, (call) == -1 && errno == (err))

#endif
