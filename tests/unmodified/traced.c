/*
 * A VMM that does one of each thing, so that its trace is known to the event: tests/unmodified/trace.sh has it. With an argument: the same again and again, in
 * this process and a child, until it is killed. Knows the kernel's interface only. Exit 0, or 1 with the line.
 */
#include "tests/support/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHECK(it) do { if (!(it)) { fprintf(stderr, "%s:%d: %s: errno %d\n", __FILE__, __LINE__, #it, errno); exit(1); } } while (0)

enum { PAGE = 4096, PAGES = 16, PRIVATE = 8, MAP_AND_SHARED = 3 };
#define SET_USER_MEMORY_REGION2 0x40A0AE49ul

struct region2 { uint32_t slot, flags; uint64_t gpa, size, hva, offset; uint32_t fd, pad; uint64_t more[14]; };
_Static_assert(sizeof(struct region2) == 160, "uAPI");

static sigjmp_buf escape;
static void on_sigbus(int signal) { siglongjmp(escape, signal); }

static void again_and_again(int fd)
{
    for (unsigned i = 0;; ++i) {
        CHECK(convert_range(fd, i % PAGES * PAGE, PAGE, i / PAGES % 2 ? 0 : PRIVATE) == 0);
        if (i % PAGES == 0)
            usleep(500); /* others want the machine too */
    }
}

int main(int argc, char **argv)
{
    (void)argv;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK(kvm >= 0);
    int vm = ioctl(kvm, CREATE_VM, 1);
    CHECK(vm >= 0);
    int fd = create_file(vm, PAGES * PAGE, MAP_AND_SHARED);
    CHECK(fd >= 0);
    if (argc > 1) {
        if (fork() == 0)
            execl("/proc/self/exe", "traced", NULL); /* a program of its own, whose end is not waited for */
        fork();
        again_and_again(fd);
    }
    CHECK(create_file(vm, PAGE + 1, 0) == -1 && errno == EINVAL);
    unsigned char *window = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(window != MAP_FAILED);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
    struct region2 region = { .slot = 2, .flags = 4, .gpa = 0x100000, .size = PAGES * PAGE, .hva = (uintptr_t)window, .fd = (uint32_t)fd };
    CHECK(ioctl(vm, SET_USER_MEMORY_REGION2, &region) == 0);
    CHECK(ioctl(vm, SET_USER_MEMORY_REGION2, &region) == -1 && errno == EINVAL);

    window[PAGE] = 1;
    CHECK(convert_range(fd, PAGE, 2 * PAGE, PRIVATE) == 0);
    CHECK(convert_range(fd, PAGE, 100, PRIVATE) == -1 && errno == EINVAL);
    signal(SIGBUS, on_sigbus);
    if (sigsetjmp(escape, 1) == 0)
        window[PAGE + 5] = 2;
    int pipe_ends[2];
    CHECK(pipe(pipe_ends) == 0);
    CHECK(write(pipe_ends[1], window + 2 * PAGE, 10) == -1 && errno == EFAULT);
    struct iovec part = { window + 4 * PAGE, PAGE };
    CHECK(vmsplice(pipe_ends[1], &part, 1, 0) == PAGE);
    CHECK(convert_range(fd, 0, PAGES * PAGE, PRIVATE) == -1 && errno == EAGAIN);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    CHECK(convert_range(fd, PAGE, 2 * PAGE, 0) == 0);
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, PAGE) == 0);
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 2 * PAGE) == 0);
    CHECK(fallocate(fd, 0, 0, PAGE) == -1 && errno == EOPNOTSUPP);

    region.size = 0;
    CHECK(ioctl(vm, SET_USER_MEMORY_REGION2, &region) == 0);
    CHECK(munmap(window, PAGES * PAGE) == 0);
    close(fd);
    close(vm);
    return 0;
}
