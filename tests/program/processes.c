/*
 * Processes and descriptors: exec, close-on-exec, every way of making a child, numbers that are used again, cancellation. What a child may
 * see of a window is either gated or not there at all. Exit 0; 1 with the line that failed; 77 without a VM to try on.
 */
#include "tests/program/program.h"

#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int vm, fd;
static char *volatile window;
static char self[4096];
static sigjmp_buf escape;
extern char **environ;

static void on_sigbus(int number) { siglongjmp(escape, number); }
static int readable(const volatile char *p)
{
    if (sigsetjmp(escape, 1))
        return 0;
    (void)*p;
    return 1;
}

/* Page 0 private, page 1 shared. */
static void fresh(void)
{
    fd = create_file(vm, 16 * PAGE, 3);
    CHECK(fd >= 0);
    window = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(window != MAP_FAILED);
    window[0] = 'p';
    window[PAGE] = 's';
    CHECK(convert_range(fd, 0, PAGE, 8) == 0);
}
static void still_works(void)
{
    CHECK(!readable(window) && window[PAGE] == 's');
    CHECK(convert_range(fd, 0, PAGE, 0) == 0 && readable(window) && *window == 'p');
    CHECK(convert_range(fd, 0, PAGE, 8) == 0 && !readable(window) && window[PAGE] == 's');
}
static void gone(void)
{
    CHECK(munmap(window, 16 * PAGE) == 0 && close(fd) == 0);
}

static int waited(pid_t pid)
{
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 100 + WEXITSTATUS(status);
}

/* In the execed program: is the number open, of the right size, and without a way to the bytes? */
static int as_execed(int number)
{
    struct stat s;
    char c;
    if (fstat(number, &s) != 0)
        return errno == EBADF ? 2 : 1;
    CHECK(s.st_size == 16 * (long)PAGE && S_ISREG(s.st_mode));
    CHECK(read(number, &c, 1) == -1 && pread(number, &c, 1, 0) == -1);
    return 0;
}

static int execed(int number)
{
    char word[16];
    snprintf(word, sizeof word, "%d", number);
    pid_t pid = fork();
    if (pid == 0) {
        execl(self, self, word, (char *)NULL);
        _exit(99);
    }
    return waited(pid);
}

static void exec_and_numbers(void)
{
    fresh();
    CHECK(execed(fd) == 100);
    CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && execed(fd) == 102);
    CHECK(fcntl(fd, F_SETFD, 0) == 0 && execed(fd) == 100);
    CHECK(dup3(fd, 300, O_CLOEXEC) == 300 && execed(300) == 102 && execed(fd) == 100);
    CHECK(dup2(fd, 301) == 301 && close_range(301, 301, 4 /* CLOEXEC */) == 0);
    CHECK(execed(301) == 102 && convert_range(301, 0, PAGE, 0) == 0 && convert_range(301, 0, PAGE, 8) == 0);
    CHECK(fcntl(fd, F_DUPFD_CLOEXEC, 302) == 302 && execed(302) == 102);
    CHECK(close_range(300, 302, 2 /* UNSHARE */) == 0 && fcntl(301, F_GETFD) == -1 && convert_range(301, 0, PAGE, 0) == -1 && errno == EBADF);
    /* Whoever gets the number next is not a gmem. */
    for (int i = 0; i < 6; ++i) {
        int copy = dup(fd), next = -1, two[2] = { -1, -1 };
        CHECK(convert_range(copy, 0, PAGE, 8) == 0);
        if (i % 2)
            fclose(fdopen(copy, "r+"));
        else
            close(copy);
        if (i < 2)
            next = eventfd(7, 0);
        else if (i < 4)
            next = socket(AF_UNIX, SOCK_STREAM, 0);
        else if (pipe(two) == 0)
            next = two[0];
        CHECK(next == copy && convert_range(next, 0, PAGE, 0) == -1 && errno != EBADF && fallocate(next, 3, 0, PAGE) == -1);
        struct stat s;
        CHECK(fstat(next, &s) == 0 && !S_ISREG(s.st_mode));
        uint64_t seven;
        CHECK(i >= 2 || (read(next, &seven, 8) == 8 && seven == 7));
        close(next);
        close(two[1]);
    }
    still_works();
    gone();
}

static void *cancelled(void *how)
{
    int pipes[2], pair[2];
    CHECK(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    char c;
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    struct pollfd ready = { pipes[0], POLLIN, 0 };
    struct iovec part = { &c, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    pthread_setcanceltype(how == (void *)5 ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, NULL);
    switch ((long)how) {
    case 0: (void)!read(pipes[0], &c, 1); break;
    case 1: poll(&ready, 1, -1); break;
    case 2: recvmsg(pair[0], &message, 0); break;
    case 3: select(pipes[0] + 1, &set, NULL, NULL, NULL); break;
    case 4:
        for (;;) { /* a conversion is not a cancellation point; a call that is one comes after it */
            CHECK(convert_range(fd, 2 * PAGE, PAGE, 8) == 0 && convert_range(fd, 2 * PAGE, PAGE, 0) == 0);
            pthread_testcancel();
        }
    case 5:
        for (;;) { /* anywhere, also while the page is being brought back */
            bare(SYS_madvise, (long)window + 3 * (long)PAGE, PAGE, MADV_DONTNEED);
            *(volatile char *)(window + 3 * PAGE) = 1;
        }
    default: break;
    }
    return NULL;
}

static void cancellation(void)
{
    fresh();
    window[3 * PAGE] = 1;
    for (long how = 0; how < 6; ++how)
        for (int i = 0; i < (how < 4 ? 1 : 30); ++i) {
            pthread_t thread;
            void *result = NULL;
            CHECK(pthread_create(&thread, NULL, cancelled, (void *)how) == 0);
            usleep(how < 4 ? 20000 : 500);
            CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
            still_works();
        }
    gone();
}

static long raw_clone(int kind)
{
    if (kind == 0)
        return bare(SYS_fork, 0, 0, 0);
    if (kind == 1)
        return bare(SYS_clone, SIGCHLD, 0, 0);
    struct clone_args a;
    memset(&a, 0, sizeof a);
    a.exit_signal = SIGCHLD;
    return bare(SYS_clone3, (long)&a, sizeof a, 0);
}

/* Through syscall(), as harnesses do. */
static long fork_by_number(int kind)
{
    if (kind == 0)
        return syscall(SYS_fork);
    if (kind == 1)
        return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    struct clone_args a;
    memset(&a, 0, sizeof a);
    a.exit_signal = SIGCHLD;
    return syscall(SYS_clone3, &a, sizeof a);
}

static int on_other_stack(void *argument)
{
    _exit(readable(window) ? 3 : argument ? 4 : 5);
}

static void children(void)
{
    fresh();
    /* Behind libc's back: nothing at the addresses. */
    for (int page = 0; page < 2; ++page)
        for (int kind = 0; kind < 3; ++kind) {
            long pid = raw_clone(kind);
            if (pid == 0)
                bare(SYS_exit_group, *(volatile char *)(window + (size_t)page * PAGE), 0, 0);
            CHECK(pid > 0 && waited((pid_t)pid) == SIGSEGV);
            still_works();
        }
    for (int kind = 0; kind < 3; ++kind) {
        long child = fork_by_number(kind);
        if (child == 0)
            _exit(readable(window) || window[PAGE] != 's');
        CHECK(child > 0 && waited((pid_t)child) == 100);
        still_works();
    }
    static char stack[65536];
    int pid = clone(on_other_stack, stack + sizeof stack, SIGCHLD, NULL);
    CHECK(pid > 0 && waited(pid) == SIGSEGV);
    /* Shares everything: as a thread. */
    pid = clone(on_other_stack, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
    CHECK(pid > 0 && waited(pid) == 105);
    still_works();

    pid = fork();
    if (pid == 0) {
        CHECK(!readable(window) && window[PAGE] == 's');
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(readable(window) || window[PAGE] != 's');
        CHECK(waited(grandchild) == 100);
        _exit(0);
    }
    CHECK(waited(pid) == 100);
    pid = vfork();
    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(99);
    }
    CHECK(waited(pid) == 100);
    still_works();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all;
    sigfillset(&all);
    char number[16];
    snprintf(number, sizeof number, "%d", 400);
    char *arguments[] = { self, number, NULL };
    CHECK(posix_spawn_file_actions_init(&actions) == 0 && posix_spawn_file_actions_adddup2(&actions, fd, 400) == 0);
    CHECK(posix_spawnattr_init(&attributes) == 0 && posix_spawnattr_setsigmask(&attributes, &all) == 0 && posix_spawnattr_setsigdefault(&attributes, &all) == 0);
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0);
    CHECK(posix_spawn(&pid, self, &actions, &attributes, arguments, environ) == 0 && waited(pid) == 100);
    still_works();
    CHECK(system("exit 7") == 7 << 8);
    FILE *stream = popen("echo read; exit 3", "r");
    char text[16] = "";
    CHECK(stream && fgets(text, sizeof text, stream) && strcmp(text, "read\n") == 0 && pclose(stream) == 3 << 8);
    still_works();
    gone();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return as_execed(atoi(argv[1]));
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    vm = vm_or_skip();
    signal(SIGBUS, on_sigbus);
    exec_and_numbers();
    cancellation();
    children();
    puts("processes: ok");
    return 0;
}
