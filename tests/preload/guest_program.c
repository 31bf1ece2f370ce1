/*
 * The rules of code inside somebody else's process, seen from the process: errno, descriptors, forks, handlers. Knows only the
 * kernel's interface. Exit 0; 1 with the line that failed; 77 when this host has no KVM device at all.
 */
#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

static int vm;
static sigjmp_buf escape;
static volatile siginfo_t seen;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    *(siginfo_t *)(uintptr_t)&seen = *info;
    siglongjmp(escape, 1);
}

static int readable(const volatile char *p)
{
    if (sigsetjmp(escape, 1))
        return 0;
    (void)*p;
    return 1;
}

static int create(uint64_t size, uint64_t flags) { return create_file(vm, size, flags); }

static void success_leaves_errno_alone(void)
{
    errno = 1234;
    int fd = create(1 << 20, 3);
    CHECK(fd >= 0 && errno == 1234);
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED && errno == 1234);
    *p = 1;
    CHECK(convert_range(fd, 0, 4096, 8) == 0 && errno == 1234);
    CHECK(!readable(p) && errno == 1234);
    CHECK(convert_range(fd, 0, 4096, 0) == 0 && errno == 1234);
    CHECK(readable(p) && errno == 1234);
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096) == 0 && errno == 1234);
    CHECK(munmap(p, 1 << 20) == 0 && errno == 1234);
    CHECK(close(fd) == 0 && errno == 1234);
}

static void the_file_answers_like_a_guest_memfd(void)
{
    int fd = create(1 << 20, 3);
    struct stat s;
    char c = 0;
    CHECK(fstat(fd, &s) == 0 && s.st_size == 1 << 20 && s.st_blocks == 0 && s.st_mode == (S_IFREG | 0600) && s.st_blksize == 4096);
    CHECK(ftruncate(fd, 0) == -1 && errno == EINVAL);
    CHECK(read(fd, &c, 1) == -1);
    CHECK(write(fd, &c, 1) == -1);
    CHECK(pread(fd, &c, 1, 0) == -1);
    CHECK(lseek(fd, 0, SEEK_SET) == -1);
    CHECK((fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH)) == O_RDWR);
    CHECK(fcntl(fd, F_GETFD) == 0);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
    CHECK(convert_range(fd, 1, 4096, 0) == -1 && errno == EINVAL);
    CHECK(ioctl(fd, 0x4020AED2ul, &c) == -1 && errno == ENOTTY);
    CHECK(ioctl(vm, SET_ATTRIBUTES2, &c) == -1 && errno == ENOTTY);
    CHECK(ioctl(fd, SET_ATTRIBUTES2, NULL) == -1 && errno == EFAULT);
    CHECK(ioctl(vm, CREATE_GUEST_MEMFD, (void *)8) == -1 && errno == EFAULT);
    struct pollfd ready = { fd, POLLIN | POLLOUT, 0 };
    CHECK(poll(&ready, 1, 0) == 1 && ready.revents == (POLLIN | POLLOUT));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK(open(path, O_RDWR) == -1 && errno == ENXIO);
    /* What nobody interposes finds a descriptor without memory behind it. */
    struct iovec v = { &c, 1 };
    CHECK(syscall(SYS_preadv2, fd, &v, 1, 0, 0, 0) == -1);
    int no_mmap = create(4096, 2);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, no_mmap, 0) == MAP_FAILED && errno == ENODEV);
    close(no_mmap);
    close(fd);
}

static void descriptors_come_and_go(void)
{
    int fd = create(1 << 20, 3);
    int copy = dup(fd);
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    *p = 'a';
    CHECK(close(fd) == 0);
    CHECK(convert_range(fd, 0, 4096, 8) == -1 && errno == EBADF);
    CHECK(convert_range(copy, 0, 4096, 8) == 0 && !readable(p));
    /* fclose closes inside libc, and the number is reused at once. */
    FILE *stream = fdopen(dup(copy), "r");
    int number = fileno(stream);
    fclose(stream);
    int other = open("/dev/zero", O_RDWR);
    CHECK(other == number);
    char zero = 1;
    CHECK(read(other, &zero, 1) == 1 && zero == 0);
    CHECK(convert_range(other, 0, 4096, 0) == -1 && errno == ENOTTY);
    close(other);

    int kept = 700;
    CHECK(dup2(copy, kept) == kept);
    CHECK(close_range(3, 699, 0) == 0);
    closefrom(701);
    for (int i = 701; i < 1100; ++i)
        close(i);
    CHECK(convert_range(kept, 0, 4096, 0) == 0 && readable(p) && *p == 'a');
    CHECK(convert_range(kept, 0, 4096, 8) == 0 && !readable(p));
    for (int i = 900; i < 1100; ++i) /* somebody takes all the high numbers */
        dup2(0, i);
    CHECK(convert_range(kept, 0, 4096, 0) == 0 && readable(p));
    CHECK(convert_range(kept, 0, 4096, 8) == 0 && !readable(p));
    CHECK(munmap(p, 1 << 20) == 0);
    closefrom(3);
    vm = ioctl(open("/dev/kvm", O_RDWR), CREATE_VM, 1ul);
    CHECK(vm >= 0);
}

static void system_calls_on_pages(void)
{
    int fd = create(1 << 20, 3);
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    for (int i = 0; i < 1000; ++i) {
        *p = (char)i;
        CHECK(write(pipes[1], p, 1) == 1 && read(pipes[0], p + 4096, 1) == 1 && p[4096] == (char)i);
        CHECK(convert_range(fd, 0, 8192, 8) == 0);
        CHECK(write(pipes[1], p, 1) == -1 && errno == EFAULT);
        struct iovec parts[2] = { { p + 8192, 1 }, { p, 1 } };
        CHECK(writev(pipes[1], parts + 1, 1) == -1 && errno == EFAULT);
        CHECK(convert_range(fd, 0, 8192, 0) == 0);
        CHECK(writev(pipes[1], parts, 2) == 2);
        char two[2];
        CHECK(read(pipes[0], two, 2) == 2 && two[1] == (char)i);
    }
    /* The structure of a conversion may itself lie in a window. */
    struct memory_attributes2 *a = (void *)(p + 16 * 4096);
    memset(a, 0, sizeof *a);
    a->size = 4096;
    a->attributes = 8;
    CHECK(ioctl(fd, SET_ATTRIBUTES2, a) == 0 && !readable(p));
    CHECK(convert_range(fd, 16 * 4096, 4096, 8) == 0);
    CHECK(ioctl(fd, SET_ATTRIBUTES2, a) == -1 && errno == EFAULT);
    munmap(p, 1 << 20);
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
}

static void handlers_are_the_programs_own(void)
{
    struct sigaction mine;
    CHECK(sigaction(SIGBUS, NULL, &mine) == 0 && mine.sa_sigaction == on_sigbus && (mine.sa_flags & SA_SIGINFO));
    int fd = create(1 << 20, 3);
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    *p = 1;
    CHECK(convert_range(fd, 0, 4096, 8) == 0);
    CHECK(!readable(p + 5) && seen.si_addr == p + 5 && seen.si_code == BUS_ADRERR);
    /* A thread that blocks everything still gets its shared pages. */
    sigset_t all, old, now;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &old) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0 && sigismember(&now, SIGBUS));
    CHECK(convert_range(fd, 0, 4096, 0) == 0);
    CHECK(p[0] == 1 && p[4096] == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0 && !sigismember(&now, SIGBUS));

    /* Default action, and a blocked SIGBUS: death by SIGBUS, as without us. */
    CHECK(convert_range(fd, 0, 4096, 8) == 0);
    for (int blocked = 0; blocked < 2; ++blocked) {
        pid_t pid = fork();
        if (pid == 0) {
            if (blocked)
                sigprocmask(SIG_SETMASK, &all, NULL);
            else
                signal(SIGBUS, SIG_DFL);
            _exit(*(volatile char *)p);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    }
    munmap(p, 1 << 20);
    close(fd);
}

static void processes(void)
{
    int fd = create(1 << 20, 3);
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    p[0] = 'p';
    p[4096] = 's';
    CHECK(convert_range(fd, 0, 4096, 8) == 0);
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(!readable(p) && p[4096] == 's' ? 0 : 1);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    pid = vfork();
    if (pid == 0) { /* shares our memory but not our descriptors */
        close(fd);
        dup2(0, fd);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(convert_range(fd, 0, 4096, 0) == 0 && readable(p));
    char *arguments[] = { (char *)(uintptr_t)"true", NULL };
    char *environment[] = { NULL };
    CHECK(posix_spawnp(&pid, "true", NULL, NULL, arguments, environment) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(convert_range(fd, 0, 4096, 8) == 0 && !readable(p) && p[4096] == 's');
    munmap(p, 1 << 20);
    close(fd);
}

static void addresses(void)
{
    int fd = create(1 << 20, 3);
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (int i = 0; i < 256; ++i)
        p[i * 4096] = (char)i;
    CHECK(convert_range(fd, 0, 65536, 8) == 0);
    char *q = mremap(p, 1 << 20, 1 << 20, MREMAP_MAYMOVE | MREMAP_FIXED, p + (64 << 20));
    CHECK(q == p + (64 << 20) && !readable(q) && readable(q + 65536) && q[65536] == 16);
    char *twin = mremap(q, 0, 1 << 20, MREMAP_MAYMOVE);
    CHECK(twin != MAP_FAILED && !readable(twin) && twin[65536] == 16);
    CHECK(mremap(twin, 1 << 20, 1 << 16, 0) == twin && !readable(twin));
    CHECK(mprotect(q, 1 << 20, PROT_READ) == 0 && !readable(q) && readable(q + 65536));
    CHECK(mprotect(q, 1 << 20, PROT_READ | PROT_EXEC) == -1);
    CHECK(mprotect(q, 1 << 20, PROT_READ | PROT_WRITE) == 0);
    CHECK(madvise(q, 1 << 20, MADV_DONTNEED) == 0 && q[65536] == 16 && !readable(q));
    CHECK(madvise(q, 1 << 20, MADV_HUGEPAGE) == 0);
    CHECK(madvise(q, 1 << 20, 25 /* MADV_COLLAPSE */) == -1 && errno == EINVAL);
    CHECK(madvise(q, 1 << 20, 21 /* MADV_PAGEOUT */) == 0 && q[65536] == 16);
    char *over = mmap(q + 8192, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(over == q + 8192 && *over == 0);
    CHECK(convert_range(fd, 0, 65536, 0) == 0 && *over == 0 && q[4096] == 1 && q[4 * 4096] == 4);
    CHECK(convert_range(fd, 0, 1 << 20, 8) == 0 && readable(over) && !readable(q) && !readable(q + 65536) && !readable(twin));
    CHECK(munmap(q, 1 << 20) == 0 && munmap(twin, 1 << 16) == 0);
    close(fd);
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR);
    vm = ioctl(kvm, CREATE_VM, 1ul);
    if (vm < 0) {
        fprintf(stderr, "skipped: no VM of type 1: %s\n", strerror(errno));
        return 77;
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, NULL);

    success_leaves_errno_alone();
    the_file_answers_like_a_guest_memfd();
    descriptors_come_and_go();
    system_calls_on_pages();
    handlers_are_the_programs_own();
    processes();
    addresses();
    puts("preload rules: ok");
    return 0;
}
