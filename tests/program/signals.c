/*
 * SIGBUS in all its forms: what a program sets, queries, blocks, waits for and receives must be what it would be on a guest_memfd of the
 * kernel, while shared pages stay reachable whatever is blocked. Exit 0; 1 with the line that failed; 77 without a VM to try on.
 */
#include "tests/program/program.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

extern sighandler_t bsd_signal(int, sighandler_t);

static sigjmp_buf escape;
static volatile int calls, was_blocked, on_stack;
static volatile siginfo_t seen;
static int fd;
static char *volatile window;

static int blocked(int signal)
{
    sigset_t now;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0);
    return sigismember(&now, signal);
}
static void block(int how, int signal)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    CHECK(pthread_sigmask(how, &one, NULL) == 0);
}

static void escaping(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    ++calls;
    *(siginfo_t *)(uintptr_t)&seen = *info;
    was_blocked = blocked(SIGBUS);
    siglongjmp(escape, 1);
}
static void noting(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    ++calls;
    *(siginfo_t *)(uintptr_t)&seen = *info;
    was_blocked = blocked(SIGBUS);
    stack_t stack;
    CHECK(sigaltstack(NULL, &stack) == 0);
    on_stack = (stack.ss_flags & SS_ONSTACK) != 0;
}
static void converting(int number, siginfo_t *info, void *context)
{
    noting(number, info, context);
    CHECK(convert_range(fd, 0, PAGE, 0) == 0);
}
static void touching_again(int number)
{
    (void)number;
    ++calls;
    if (calls > 3)
        _exit(3);
    (void)*(volatile char *)window;
}

static void handle(void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action, now;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);
    CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction == handler && now.sa_flags == action.sa_flags);
    CHECK(sigismember(&now.sa_mask, SIGUSR2) && !sigismember(&now.sa_mask, SIGUSR1) && !sigismember(&now.sa_mask, SIGBUS));
    calls = 0;
}

/* Takes the PTE away behind everybody's back, as reclaim does: the next access must bring it back unnoticed. */
static void drop(char *page) { CHECK(bare(SYS_madvise, (long)page, PAGE, MADV_DONTNEED) == 0); }

static int readable(const volatile char *p)
{
    if (sigsetjmp(escape, 1))
        return 0;
    (void)*p;
    return 1;
}

static void handlers(void)
{
    handle(escaping, 0);
    CHECK(convert_range(fd, 0, PAGE, 8) == 0);
    for (int i = 0; i < 1000; ++i)
        CHECK(!readable(window + i) && calls == i + 1 && seen.si_addr == window + i && seen.si_code == BUS_ADRERR && was_blocked && !blocked(SIGBUS));
    handle(escaping, SA_NODEFER);
    CHECK(!readable(window) && !was_blocked && !blocked(SIGUSR2));
    handle(converting, 0);
    *(volatile char *)window = 7; /* faults once, converts, succeeds */
    CHECK(calls == 1 && was_blocked && !blocked(SIGBUS) && window[0] == 7);

    /* Once only. */
    CHECK(convert_range(fd, 0, PAGE, 8) == 0);
    handle(escaping, (int)SA_RESETHAND);
    CHECK(!readable(window));
    struct sigaction now;
    CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_handler == SIG_DFL);

    /* The stack that the program chose. */
    static char stack[1 << 16];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    CHECK(sigaltstack(&alternate, NULL) == 0);
    handle(converting, SA_ONSTACK);
    (void)*(volatile char *)window;
    CHECK(calls == 1 && on_stack);
    CHECK(convert_range(fd, 0, PAGE, 8) == 0);
    handle(converting, 0);
    (void)*(volatile char *)window;
    CHECK(calls == 1 && !on_stack);
    alternate.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&alternate, NULL) == 0);
}

static void names(void)
{
    CHECK(signal(SIGBUS, touching_again) != SIG_ERR && signal(SIGBUS, SIG_DFL) == touching_again);
    CHECK(bsd_signal(SIGBUS, touching_again) == SIG_DFL && ssignal(SIGBUS, SIG_IGN) == touching_again);
    struct sigaction now;
    CHECK(sysv_signal(SIGBUS, touching_again) == SIG_IGN);
    CHECK(sigaction(SIGBUS, NULL, &now) == 0 && (now.sa_flags & (int)SA_RESETHAND) && (now.sa_flags & SA_NODEFER) && !(now.sa_flags & SA_RESTART));
    CHECK(signal(SIGBUS, touching_again) == touching_again && sigaction(SIGBUS, NULL, &now) == 0 && now.sa_flags == SA_RESTART);
    CHECK(siginterrupt(SIGBUS, 1) == 0 && sigaction(SIGBUS, NULL, &now) == 0 && now.sa_flags == 0);
    CHECK(siginterrupt(SIGBUS, 0) == 0 && sigaction(SIGBUS, NULL, &now) == 0 && now.sa_flags == SA_RESTART);
    CHECK(sigset(SIGBUS, SIG_HOLD) == touching_again && blocked(SIGBUS));
    CHECK(sigset(SIGBUS, SIG_IGN) == SIG_HOLD && !blocked(SIGBUS));
    CHECK(sigignore(SIGBUS) == 0 && sigaction(SIGBUS, NULL, &now) == 0 && now.sa_handler == SIG_IGN);
    CHECK(sighold(SIGBUS) == 0 && blocked(SIGBUS) && sigrelse(SIGBUS) == 0 && !blocked(SIGBUS));
    CHECK(sigblock(1 << (SIGBUS - 1)) == 0 && sigsetmask(0) == 1 << (SIGBUS - 1) && !blocked(SIGBUS));
    uint64_t word = 1 << (SIGBUS - 1), before = 99;
    CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &word, &before, 8) == 0 && before == 0 && blocked(SIGBUS));
    CHECK(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &word, &before, 8) == 0 && before == word && !blocked(SIGBUS));
    uint64_t action[4];
    CHECK(syscall(SYS_rt_sigaction, SIGBUS, NULL, action, 8) == 0 && action[0] == (uintptr_t)SIG_IGN);
    CHECK(sigaction(SIGKILL, &now, NULL) == -1 && errno == EINVAL && sigaction(65, NULL, &now) == -1 && errno == EINVAL);
    /* A full set is a full set, also where a mask is handed to a handler. */
    sigset_t all, seen_set;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0 && pthread_sigmask(SIG_BLOCK, NULL, &seen_set) == 0);
    for (int i = 1; i <= 64; ++i)
        CHECK(sigismember(&seen_set, i) == (i != SIGKILL && i != SIGSTOP && i != 32 && i != 33));
    sigemptyset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0 && pthread_sigmask(SIG_BLOCK, NULL, &seen_set) == 0);
    for (int i = 1; i <= 64; ++i)
        CHECK(!sigismember(&seen_set, i));
}

/* How a child that runs `body` ends: the signal, or 100 + exit status. */
static int end_of(void (*body)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 100 + WEXITSTATUS(status);
}
static void touch_it(void) { (void)*(volatile char *)window; }
static void by_default(void) { signal(SIGBUS, SIG_DFL), touch_it(); }
static void ignoring(void) { signal(SIGBUS, SIG_IGN), touch_it(); }
static void blocking(void) { block(SIG_BLOCK, SIGBUS), touch_it(); }
static void in_the_handler(void) { signal(SIGBUS, touching_again), touch_it(); }
static void without_mask(void)
{
    handle(escaping, 0);
    if (sigsetjmp(escape, 0) == 0)
        touch_it();
    CHECK(blocked(SIGBUS)); /* as longjmp left it */
    touch_it();
}
static void sent_by_default(void) { signal(SIGBUS, SIG_DFL), raise(SIGBUS); }
static void sent_and_ignored(void) { signal(SIGBUS, SIG_IGN), raise(SIGBUS); }
static void resending(void)
{
    sigset_t all;
    sigfillset(&all);
    signal(SIGBUS, SIG_DFL);
    sigprocmask(SIG_SETMASK, &all, NULL);
    raise(SIGBUS);
    _exit(7);
}
static void killed_by_16(void) { raise(16); }

static void deaths(void)
{
    handle(escaping, 0);
    CHECK(convert_range(fd, 0, PAGE, 8) == 0);
    CHECK(end_of(by_default) == SIGBUS && end_of(ignoring) == SIGBUS && end_of(blocking) == SIGBUS);
    CHECK(end_of(in_the_handler) == SIGBUS); /* blocked while it runs */
    CHECK(end_of(without_mask) == SIGBUS);
    CHECK(end_of(sent_by_default) == SIGBUS && end_of(sent_and_ignored) == 100 && end_of(resending) == 107);
    CHECK(end_of(killed_by_16) == 16);
    CHECK(convert_range(fd, 0, PAGE, 0) == 0);
}

static void *in_a_thread(void *argument)
{
    CHECK(blocked(SIGBUS) == (argument != NULL)); /* inherited */
    drop(window);
    drop(window + PAGE);
    CHECK(*(volatile char *)window == 'w' && *(volatile char *)(window + PAGE) == 'x');
    return NULL;
}

static void threads(void)
{
    window[0] = 'w';
    window[PAGE] = 'x';
    handle(noting, 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, in_a_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, in_a_thread, &all) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &none, NULL) == 0);
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setsigmask_np(&attributes, &all) == 0);
    CHECK(pthread_create(&thread, &attributes, in_a_thread, &all) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(calls == 0);
}

static void *unblocked_thread(void *argument)
{
    block(SIG_UNBLOCK, SIGBUS);
    for (int i = 0; i < 2000 && !calls; ++i)
        usleep(1000);
    return argument;
}

static void waits(void)
{
    handle(noting, 0);
    sigset_t one, pending;
    sigemptyset(&one);
    sigaddset(&one, SIGBUS);
    struct timespec soon = { 5, 0 }, now = { 0, 0 };
    siginfo_t info;
    int number = 0;
    block(SIG_BLOCK, SIGBUS);
    CHECK(sigtimedwait(&one, &info, &now) == -1 && errno == EAGAIN);

    raise(SIGBUS); /* to this thread */
    CHECK(calls == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGBUS) && !sigismember(&pending, 16));
    CHECK(sigtimedwait(&one, &info, &soon) == SIGBUS && info.si_signo == SIGBUS && info.si_code == SI_USER && info.si_errno == 0 && info.si_pid == getpid()); /* libc calls SI_TKILL so */
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGBUS));
    kill(getpid(), SIGBUS); /* to the process */
    CHECK(sigwaitinfo(&one, &info) == SIGBUS && info.si_code == SI_USER && info.si_uid == getuid());
    union sigval value = { .sival_int = 4711 };
    CHECK(sigqueue(getpid(), SIGBUS, value) == 0 && sigwait(&one, &number) == 0 && number == SIGBUS);
    CHECK(sigqueue(getpid(), SIGBUS, value) == 0 && sigtimedwait(&one, &info, &soon) == SIGBUS && info.si_code == SI_QUEUE && info.si_value.sival_int == 4711);
    /* While waiting. */
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        kill(getppid(), SIGBUS);
        _exit(0);
    }
    CHECK(sigtimedwait(&one, &info, &soon) == SIGBUS && info.si_pid == child);
    CHECK(waitpid(child, NULL, 0) == child && calls == 0);

    int descriptor = signalfd(-1, &one, SFD_CLOEXEC | SFD_NONBLOCK);
    struct signalfd_siginfo record;
    CHECK(read(descriptor, &record, sizeof record) == -1 && errno == EAGAIN);
    raise(SIGBUS);
    struct pollfd ready = { descriptor, POLLIN, 0 };
    CHECK(poll(&ready, 1, 1000) == 1);
    CHECK(read(descriptor, &record, sizeof record) == sizeof record && record.ssi_signo == SIGBUS && record.ssi_errno == 0 && record.ssi_code == SI_TKILL);
    close(descriptor);

    raise(SIGBUS); /* delivered by unblocking */
    CHECK(calls == 0);
    block(SIG_UNBLOCK, SIGBUS);
    CHECK(calls == 1 && seen.si_signo == SIGBUS && seen.si_code == SI_TKILL && seen.si_errno == 0 && was_blocked);

    /* Blocked here, not there: there. */
    calls = 0;
    block(SIG_BLOCK, SIGBUS);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, unblocked_thread, NULL) == 0);
    usleep(50000);
    kill(getpid(), SIGBUS);
    CHECK(pthread_join(thread, NULL) == 0 && calls == 1 && seen.si_code == SI_USER);
    block(SIG_UNBLOCK, SIGBUS);
    CHECK(calls == 1);
}

static volatile int alarms;
static void on_alarm(int number)
{
    (void)number;
    drop(window);
    drop(window + PAGE);
    if (*(volatile char *)window == 'w' && *(volatile char *)(window + PAGE) == 'x')
        ++alarms;
}

/* Handlers that run with everything blocked touch windows. */
static void other_handlers(void)
{
    handle(noting, 0);
    struct sigaction action, now;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && sigaction(SIGALRM, NULL, &now) == 0);
    for (int i = 1; i <= 64; ++i)
        CHECK(sigismember(&now.sa_mask, i) == sigismember(&action.sa_mask, i) || i == SIGKILL || i == SIGSTOP);
    raise(SIGALRM);
    CHECK(alarms == 1);
    action.sa_flags = 0;
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && sigaction(SIGALRM, NULL, &now) == 0);
    for (int i = 1; i <= 64; ++i)
        CHECK(!sigismember(&now.sa_mask, i));
    sigset_t most;
    sigfillset(&most);
    sigdelset(&most, SIGALRM);
    struct timespec timeout = { 5, 0 };
    struct epoll_event event;
    int epoll = epoll_create1(0);
    for (int call = 0; call < 5; ++call) {
        block(SIG_BLOCK, SIGALRM);
        int before = alarms;
        raise(SIGALRM);
        errno = 0;
        int result = call == 0 ? pselect(0, NULL, NULL, NULL, &timeout, &most)
            : call == 1        ? ppoll(NULL, 0, &timeout, &most)
            : call == 2        ? epoll_pwait(epoll, &event, 1, 5000, &most)
            : call == 3        ? epoll_pwait2(epoll, &event, 1, &timeout, &most)
                               : sigsuspend(&most);
        CHECK(result == -1 && errno == EINTR && alarms == before + 1);
        block(SIG_UNBLOCK, SIGALRM);
        CHECK(!blocked(SIGBUS));
    }
    CHECK(calls == 0);
    close(epoll);
}

/* A program that is executed inherits what is blocked, and nothing else of ours. */
static void execed(char *self)
{
    for (int i = 0; i < 2; ++i) {
        pid_t pid = fork();
        if (pid == 0) {
            signal(SIGBUS, touching_again);
            if (i)
                block(SIG_BLOCK, SIGBUS);
            execl(self, self, i ? "blocked" : "unblocked", (char *)NULL);
            _exit(99);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
}

static int as_execed(const char *word)
{
    struct sigaction now;
    CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
    CHECK(blocked(SIGBUS) == (strcmp(word, "blocked") == 0));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return as_execed(argv[1]);
    fd = create_file(vm_or_skip(), 16 * PAGE, 3);
    CHECK(fd >= 0);
    window = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(window != MAP_FAILED);
    names();
    handlers();
    deaths();
    threads();
    waits();
    other_handlers();
    execed(argv[0]);
    puts("signals: ok");
    return 0;
}
