/*
 * rounds [ROUNDS] [SEED]: in each round eight processes come to share one guest_memfd, three ways (forked with the window, forked and
 * exec'd with the descriptor open, sent the descriptor over a socket), convert and look at random, and go: by themselves, or by kill -9
 * at any instant. Nobody may reach a private page, nothing may hang, and nothing may be left: descriptors, threads, mappings, memory.
 * Knows the kernel's interface only. Exit 0, or 1 with the line and the seed.
 */
#include "tests/unmodified/back_end.h"

#include <dirent.h>
#include <time.h>

enum { PROCESSES = 8 };

static int count_entries(const char *folder)
{
    DIR *d = opendir(folder);
    CHECK(d);
    int n = 0;
    while (readdir(d))
        ++n;
    closedir(d);
    return n;
}

static long count_lines(const char *file)
{
    FILE *f = fopen(file, "r");
    CHECK(f);
    long n = 0;
    for (int c; (c = getc(f)) != EOF;)
        n += c == '\n';
    fclose(f);
    return n;
}

static long shmem_kib(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    CHECK(f);
    char line[256];
    long kib = -1;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "Shmem: %ld", &kib) == 1)
            break;
    fclose(f);
    return kib;
}

/* Other programs of this machine use such memory too, for a while; what leaked stays. */
static int comes_back_below(long kib)
{
    for (int tenth = 0; tenth < 600; ++tenth) {
        if (shmem_kib() < kib)
            return 1;
        nanosleep(&(struct timespec) { 0, 100000000 }, NULL);
    }
    return 0;
}

static void serve_with_window(int socket, int fd, unsigned char *window)
{
    struct request r;
    while (read(socket, &r, sizeof r) == sizeof r) {
        int answer = serve(fd, window, r);
        if (write(socket, &answer, sizeof answer) != sizeof answer)
            break;
    }
    _exit(0);
}

static void one_round(const char *self, int vm)
{
    pid_t pids[PROCESSES];
    int sockets[PROCESSES], private_[PAGES] = { 0 };
    int fd = create_file(vm, PAGES * PAGE, 3);
    CHECK(fd >= 0);
    unsigned char *window = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(window != MAP_FAILED);
    for (int page = 0; page < PAGES; ++page)
        window[page * PAGE] = (unsigned char)(page + 1);
    for (int i = 0; i < PROCESSES; ++i)
        switch (i % 3) {
        case 0:
            sockets[i] = spawn(self, -1, &pids[i]);
            send_over(sockets[i], fd);
            break;
        case 1:
            sockets[i] = spawn(self, fd, &pids[i]);
            break;
        default: {
            int ends[2];
            CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
            pids[i] = fork();
            CHECK(pids[i] >= 0);
            if (pids[i] == 0) {
                for (int j = 0; j < i; ++j)
                    close(sockets[j]);
                close(ends[0]);
                serve_with_window(ends[1], fd, window);
            }
            close(ends[1]);
            sockets[i] = ends[0];
        }
        }

    int alive = PROCESSES;
    for (int step = 0; step < 40; ++step) {
        int by = rand() % (PROCESSES + 1), page = rand() % PAGES, victim = rand() % PROCESSES;
        char what = private_[page] ? 's' : 'p';
        if (rand() % 20 == 0 && alive > 2 && pids[victim] > 0) { /* at any instant: it may be in the middle of what it was asked */
            struct request r = { what, page };
            CHECK(send(sockets[victim], &r, sizeof r, MSG_NOSIGNAL) == sizeof r);
            if (rand() % 2)
                nanosleep(&(struct timespec) { 0, rand() % 200000 }, NULL);
            CHECK(kill(pids[victim], SIGKILL) == 0 && waitpid(pids[victim], NULL, 0) == pids[victim]);
            close(sockets[victim]);
            pids[victim] = 0;
            --alive;
            CHECK(convert_range(fd, (uint64_t)page * PAGE, PAGE, private_[page] ? 8 : 0) == 0); /* whatever it got done: back */
            continue;
        }
        if (by == PROCESSES)
            CHECK(convert_range(fd, (uint64_t)page * PAGE, PAGE, what == 'p' ? 8 : 0) == 0);
        else if (pids[by] > 0)
            CHECK(ask(sockets[by], what, page) == 0);
        else
            continue;
        private_[page] = what == 'p';
        for (int i = 0; i < PROCESSES; ++i)
            if (pids[i] > 0)
                CHECK(ask(sockets[i], 'r', page) == (private_[page] ? -1 : page + 1));
        CHECK(look(window + page * PAGE) == (private_[page] ? -1 : page + 1));
    }
    for (int i = 0; i < PROCESSES; ++i)
        if (pids[i] > 0)
            close(sockets[i]);
    for (int i = 0; i < PROCESSES; ++i)
        if (pids[i] > 0) {
            int status;
            CHECK(waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
    CHECK(munmap(window, PAGES * PAGE) == 0 && close(fd) == 0);
}

int main(int argc, char **argv)
{
    if (argc == 3 && getenv("ROUNDS_BACK_END")) {
        int socket = atoi(argv[1]), fd = atoi(argv[2]);
        back_end(socket, fd >= 0 ? fd : receive(socket));
    }
    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : (unsigned)time(NULL);
    fprintf(stderr, "%d rounds, seed %u\n", rounds, seed);
    srand(seed);
    setenv("ROUNDS_BACK_END", "1", 1);
    catch_sigbus();
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    int vm = ioctl(kvm, CREATE_VM, 1);
    CHECK(vm >= 0);
    one_round(argv[0], vm); /* what is set up once is there now */
    int fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
    long maps = count_lines("/proc/self/maps"), shmem = shmem_kib();
    for (int i = 0; i < rounds; ++i)
        one_round(argv[0], vm);
    CHECK(count_entries("/proc/self/fd") == fds);
    CHECK(count_entries("/proc/self/task") == threads);
    CHECK(count_lines("/proc/self/maps") <= maps + 2);
    CHECK(comes_back_below(shmem + 4096 + rounds * 4));
    return 0;
}
