/*
 * Threads that install a seccomp allow-list as VMMs do: no userfaultfd, no madvise, no mmap, no signal masks. They convert, touch, unmap and
 * run on; whatever gmem needs beyond the list, it does elsewhere. A filter for all threads (TSYNC) may take conversions away, never gating.
 * Exit 0; 1 with the line that failed; 77 without a VM to try on.
 */
#include "tests/program/program.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/uio.h>

static int fd, pipes[2];
static char *volatile window;
static sigjmp_buf escape;

static void on_sigbus(int number) { siglongjmp(escape, number); }
static int readable(const volatile char *p)
{
    if (sigsetjmp(escape, 0)) /* no mask is restored: that would be a call that the list forbids */
        return 0;
    (void)*p;
    return 1;
}

/* Everything but the named calls kills the process; ioctl only about KVM. */
static const int allowed[] = { SYS_futex, SYS_read, SYS_write, SYS_rt_sigreturn, SYS_exit, SYS_exit_group, SYS_close };
static const int allowed_threads[] = { SYS_clone3, SYS_clone, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_rt_sigprocmask, SYS_set_robust_list, SYS_rseq, SYS_madvise };

static void restrict_thread(unsigned long flags, int threads_too, unsigned long through_prctl, unsigned extra)
{
    struct sock_filter code[64];
    unsigned n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < sizeof allowed / sizeof *allowed; ++i) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    for (unsigned i = 0; threads_too && i < sizeof allowed_threads / sizeof *allowed_threads - 1; ++i) { /* but madvise */
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed_threads[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    if (extra) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, extra, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]));
    code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 8);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff);
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xAE, 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = { (unsigned short)n, code };
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (through_prctl)
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
    else
        CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0);
}

static void work(void)
{
    for (int i = 0; i < 200; ++i) {
        char *page = window + (i % 8) * (long)PAGE;
        *(volatile char *)page = (char)i;
        CHECK(write(pipes[1], page, 1) == 1);
        CHECK(convert_range(fd, (uint64_t)(i % 8) * PAGE, PAGE, 8) == 0);
        CHECK(!readable(page));
        CHECK(write(pipes[1], page, 1) == -1 && errno == EFAULT);
        CHECK(convert_range(fd, (uint64_t)(i % 8) * PAGE, PAGE, 0) == 0);
        CHECK(readable(page) && *(volatile char *)page == (char)i);
        char c;
        CHECK(read(pipes[0], &c, 1) == 1 && c == (char)i);
    }
    CHECK(convert_range(fd, 0, 1000 * PAGE, 8) == -1 && errno == EINVAL);
    CHECK(convert_range(fd, 0, 16 * PAGE, 8) == 0 && !readable(window) && convert_range(fd, 0, 16 * PAGE, 0) == 0);
}

/* libc's own end of a thread asks for signal masks and madvise. */
static void *leave(void)
{
    bare(SYS_exit, 0, 0, 0);
    return NULL;
}

static void *restricted(void *through_prctl)
{
    restrict_thread(0, 0, (unsigned long)through_prctl, 0);
    work();
    return leave();
}

static void drop(char *page) { CHECK(bare(SYS_madvise, (long)page, PAGE, MADV_DONTNEED) == 0); }

static volatile int dropped;
static void *recovering(void *argument)
{
    restrict_thread(0, 0, 0, 0);
    while (!dropped)
        ;
    CHECK(*(volatile char *)window == 'r' && *(volatile char *)(window + PAGE) == 's'); /* through gmem's handler */
    (void)argument;
    return leave();
}

static void *child_of_restricted(void *argument)
{
    (void)argument;
    work();
    return leave();
}
static void *making_threads(void *argument)
{
    restrict_thread(0, 1, 0, 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, child_of_restricted, NULL) == 0 && pthread_join(thread, NULL) == 0);
    (void)argument;
    return leave();
}

static int in_child(void (*body)(void))
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

/* All threads, gmem's helper among them. Conversions may fail, with nothing changed and nothing open that should be closed. */
static void for_all_threads(void)
{
    int vm = vm_or_skip();
    fd = create_file(vm, 16 * PAGE, 3);
    CHECK(fd >= 0);
    window = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    *(volatile char *)window = 1;
    CHECK(convert_range(fd, PAGE, PAGE, 8) == 0 && !readable(window + PAGE) && readable(window));
    restrict_thread(SECCOMP_FILTER_FLAG_TSYNC, 0, 0, 0);
    int result = convert_range(fd, 0, PAGE, 8);
    CHECK(result == 0 ? !readable(window) : errno == ENOMEM && readable(window) && *(volatile char *)window == 1);
    CHECK(!readable(window + PAGE));
}

int main(void)
{
    int vm = vm_or_skip();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_sigbus;
    action.sa_flags = SA_NODEFER; /* siglongjmp restores no mask here */
    sigaction(SIGBUS, &action, NULL);
    fd = create_file(vm, 16 * PAGE, 3);
    CHECK(fd >= 0 && pipe(pipes) == 0);
    window = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(window != MAP_FAILED);
    work();

    pthread_t thread;
    for (long i = 0; i < 2; ++i)
        CHECK(pthread_create(&thread, NULL, restricted, (void *)i) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, making_threads, NULL) == 0 && pthread_join(thread, NULL) == 0);
    *window = 'r';
    window[PAGE] = 's';
    CHECK(pthread_create(&thread, NULL, recovering, NULL) == 0);
    usleep(20000);
    drop(window);
    drop(window + PAGE);
    dropped = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    work(); /* who is not restricted goes on as before */
    CHECK(in_child(for_all_threads) == 100);
    puts("restricted: ok");
    return 0;
}
