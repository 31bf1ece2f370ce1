/*
 * One invariant under disturbance: SIGBUS or EFAULT reaches the program only if the page is private; a private page is never readable;
 * shared pages hold the right bytes. Knows the kernel's interface and libc only.
 *
 * soak SECONDS DISTURBANCE [SEED [MEBIBYTES]]
 *   none      workers only
 *   pageout   everything mapped from the guest_memfd's file is paged out, again and again, from beside (process_madvise)
 *   collapse  ... is collapsed into huge pages, and single pages of them are punched
 *   punch     single pages are punched and must read zero
 *   mlock     windows are mlocked and munlocked
 *   mlockall  mlockall(MCL_CURRENT | MCL_FUTURE) is in force
 *   closefrom every descriptor but the one in use is closed, by closefrom and one by one
 *   blocked   workers block all signals
 *   memory    anonymous memory is allocated and dropped, so that a limited cgroup reclaims
 *
 * Exit 0: held; 1: broken, with the page; 77: this host cannot do it.
 */
#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, WORKERS = 3, KEPT_FD = 500 };

static struct {
    int seconds;
    const char *disturbance;
    unsigned seed;
    uint64_t pages;
    int fd;
    unsigned char *window;
    int pipes[2];
    _Atomic int stop;
    _Atomic long operations, disturbances;
} soak;

static _Noreturn void broken(const char *what, uint64_t page, long expected, long seen)
{
    fprintf(stderr, "soak %s: page %llu: %s: expected %ld, saw %ld (seed %u)\n", soak.disturbance, (unsigned long long)page, what, expected, seen, soak.seed);
    _exit(1);
}

static _Thread_local sigjmp_buf escape;
static _Thread_local volatile sig_atomic_t probing;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (!probing)
        broken("SIGBUS on a page that nobody expected it on", (uint64_t)((unsigned char *)info->si_addr - soak.window) / PAGE, 0, info->si_code);
    siglongjmp(escape, 1);
}

/* The byte, or -1 for SIGBUS. */
static int probe(uint64_t page)
{
    int value = -1;
    probing = 1;
    if (sigsetjmp(escape, 1) == 0)
        value = *(volatile unsigned char *)(soak.window + page * PAGE);
    probing = 0;
    return value;
}

static void convert(uint64_t first, uint64_t pages, int to_private)
{
    for (int attempt = 0;; ++attempt) {
        if (convert_range(soak.fd, first * PAGE, pages * PAGE, to_private ? 8 : 0) == 0)
            return;
        if (errno != EAGAIN || attempt > 1000)
            broken("conversion failed with errno", first, 0, errno);
        usleep(100);
    }
}

struct state { unsigned char byte, is_private; };

static uint64_t below(unsigned *random, uint64_t n) { return (uint64_t)rand_r(random) % n; }

/* Each worker owns a third of the pages and knows their state; nobody else converts them. */
static void check(const struct state *s, uint64_t base, uint64_t p)
{
    int seen = probe(base + p);
    if (s[p].is_private ? seen != -1 : seen != s[p].byte)
        broken(s[p].is_private ? "a private page" : "a shared page", base + p, s[p].is_private ? -1 : s[p].byte, seen);
}

static void check_by_system_call(const struct state *s, uint64_t base, uint64_t p)
{
    int null = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (null < 0)
        return; /* closefrom took the number away between the two calls: not what is tested */
    struct iovec one = { soak.window + (base + p) * PAGE, 1 };
    unsigned char byte = 0;
    struct iovec into = { &byte, 1 };
    (void)into;
    ssize_t n = readv(null, &one, 1); /* the kernel writes a zero into the page */
    if (s[p].is_private ? n != -1 || (errno != EFAULT && errno != EBADF) : n != 1 && !(n == -1 && errno == EBADF))
        broken("readv into it", base + p, s[p].is_private ? -1 : 1, n);
    close(null);
}

static void *worker(void *argument)
{
    uint64_t number = (uint64_t)(uintptr_t)argument, own = soak.pages / WORKERS, base = number * own;
    unsigned random = soak.seed + (unsigned)number;
    struct state *s = calloc(own, sizeof *s);
    if (!s)
        broken("no memory for the test itself", 0, 0, 0);
    if (strcmp(soak.disturbance, "blocked") == 0) {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, NULL);
    }
    int may_probe_private = strcmp(soak.disturbance, "blocked") != 0; /* blocked: a true violation kills, as it must */
    while (!soak.stop) {
        uint64_t first = below(&random, own);
        uint64_t n = 1 + below(&random, below(&random, 8) ? 4 : 700);
        if (n > own - first)
            n = own - first;
        switch (below(&random, 8)) {
        case 0:
        case 1: {
            int to_private = (int)below(&random, 2);
            convert(base + first, n, to_private);
            for (uint64_t p = first; p < first + n; ++p)
                s[p].is_private = (unsigned char)to_private;
            break;
        }
        case 2:
        case 3:
            if (!s[first].is_private) {
                s[first].byte = (unsigned char)rand_r(&random);
                *(volatile unsigned char *)(soak.window + (base + first) * PAGE) = s[first].byte;
            }
            break;
        case 4:
            if (strcmp(soak.disturbance, "punch") == 0 || (strcmp(soak.disturbance, "collapse") == 0 && below(&random, 16) == 0)) {
                if (fallocate(soak.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)((base + first) * PAGE), PAGE) < 0)
                    broken("punch failed with errno", base + first, 0, errno);
                s[first].byte = 0;
                soak.disturbances += soak.disturbance[0] == 'p';
            }
            break;
        case 5:
            if (strcmp(soak.disturbance, "closefrom") != 0) {
                check_by_system_call(s, base, first);
                if (!s[first].is_private)
                    s[first].byte = 0;
            }
            break;
        default:
            break;
        }
        if (may_probe_private || !s[first].is_private)
            check(s, base, first);
        ++soak.operations;
    }
    free(s);
    return NULL;
}

/* Every mapping of the file, whoever made it. */
static void advise_all_mappings(int advice)
{
    static char line[512];
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long begin, end;
        if (!strstr(line, "guest_memfd") || sscanf(line, "%lx-%lx", &begin, &end) != 2)
            continue;
        struct iovec range = { (void *)begin, end - begin };
        if (advice == 25)
            madvise(range.iov_base, range.iov_len, MADV_HUGEPAGE); /* whoever mapped it may have refused huge pages */
        if (syscall(SYS_process_madvise, pidfd, &range, 1ul, advice, 0ul) >= 0)
            ++soak.disturbances;
    }
    if (maps)
        fclose(maps);
    close(pidfd);
}

static void disturb(void)
{
    static unsigned random = 99;
    if (strcmp(soak.disturbance, "pageout") == 0) {
        advise_all_mappings(21);
    } else if (strcmp(soak.disturbance, "collapse") == 0) {
        /* The kernel collapses only what has no holes. */
        if (fallocate(soak.fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)(soak.pages * PAGE)) < 0)
            broken("fallocate failed with errno", 0, 0, errno);
        advise_all_mappings(25);
    } else if (strcmp(soak.disturbance, "mlock") == 0) {
        size_t half = soak.pages / 2 * PAGE;
        mlock(soak.window, half); /* ENOMEM about private pages is right; the lock is there */
        munlock(soak.window, half / 2);
        ++soak.disturbances;
    } else if (strcmp(soak.disturbance, "closefrom") == 0) {
        close_range(3, KEPT_FD - 1, 0);
        closefrom(KEPT_FD + 1);
        for (int fd = KEPT_FD + 1; fd < 1100; ++fd)
            close(fd);
        ++soak.disturbances;
    } else if (strcmp(soak.disturbance, "memory") == 0) {
        size_t bytes = 160ul << 20;
        char *hog = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (hog != MAP_FAILED) {
            for (size_t i = 0; i < bytes; i += PAGE)
                hog[i] = (char)rand_r(&random);
            munmap(hog, bytes);
            ++soak.disturbances;
        }
    }
    usleep(1000);
}

static int open_memory(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm = kvm < 0 ? -1 : ioctl(kvm, CREATE_VM, 1ul);
    int fd = vm < 0 ? -1 : create_file(vm, soak.pages * PAGE, 3);
    if (fd < 0) {
        printf("skipped: no guest_memfd with conversion here: %s\n", strerror(errno));
        exit(77);
    }
    soak.fd = dup2(fd, KEPT_FD);
    close(fd);
    return soak.fd;
}

int main(int argc, char **argv)
{
    soak.seconds = argc > 1 ? atoi(argv[1]) : 2;
    soak.disturbance = argc > 2 ? argv[2] : "none";
    soak.seed = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
    soak.pages = (argc > 4 ? (uint64_t)atoi(argv[4]) : 24) * 256;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, NULL);
    open_memory();
    if (strcmp(soak.disturbance, "mlockall") == 0 && mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
        printf("skipped: mlockall: %s\n", strerror(errno));
        return 77;
    }
    soak.window = mmap(NULL, soak.pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, soak.fd, 0);
    if (soak.window == MAP_FAILED)
        broken("mmap failed with errno", 0, 0, errno);

    pthread_t threads[WORKERS];
    for (uintptr_t i = 0; i < WORKERS; ++i)
        pthread_create(&threads[i], NULL, worker, (void *)i);
    time_t end = time(NULL) + soak.seconds;
    while (time(NULL) < end)
        disturb();
    soak.stop = 1;
    for (int i = 0; i < WORKERS; ++i)
        pthread_join(threads[i], NULL);
    printf("soak %-9s held for %d s: %ld operations, %ld disturbances, seed %u\n", soak.disturbance, soak.seconds, soak.operations, soak.disturbances, soak.seed);
    return soak.operations > 0 ? 0 : 1;
}
