/* The kernel's pinner for tests, /sys/kernel/debug/gup_test, as its selftests use it. Exit 0, or 1 with the line. */
#include "tests/unmodified/pins.h"

#include <signal.h>

struct long_term { uint64_t address, size; uint32_t flags; };
#define START _IOW('g', 7, struct long_term)
#define STOP _IO('g', 8)
#define READ _IOW('g', 9, uint64_t)

static int start(int fd, const void *address, size_t size, uint32_t flags)
{
    struct long_term t = { (uint64_t)(uintptr_t)address, size, flags };
    return ioctl(fd, START, &t) == 0 ? 0 : -errno;
}

static void bad_requests(int fd)
{
    uint64_t to = (uintptr_t)at(0);
    CHECK(ioctl(fd, READ, &to) == -1 && errno == EINVAL); /* nothing is pinned */
    CHECK(ioctl(fd, STOP) == 0);
    CHECK(start(fd, at(4), 0, 0) == -EINVAL);
    CHECK(start(fd, at(4) + 1, PAGE, 0) == -EINVAL);
    CHECK(start(fd, at(4), PAGE + 1, 0) == -EINVAL);
    CHECK(start(fd, at(4), PAGE, 4) == -EINVAL);
    CHECK(ioctl(fd, START, (void *)8) == -1 && errno == EFAULT);
    CHECK(ioctl(fd, _IOWR('g', 1, uint64_t), &to) == -1 && errno == EINVAL);
    CHECK(convert_range(gmem_fd, 6 * PAGE, PAGE, 8) == 0);
    CHECK(start(fd, at(4), 4 * PAGE, 1) == -EFAULT); /* a private page among them */
    CHECK(start(fd, (char *)8192, PAGE, 0) == -EFAULT);
    CHECK(convert_range(gmem_fd, 6 * PAGE, PAGE, 0) == 0);
    expect_free();
}

static void read_back(int fd)
{
    unsigned char *to = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t address = (uintptr_t)to;
    CHECK(start(fd, at(10), 3 * PAGE, 3) == 0);
    expect_held(10, 3);
    memset(at(10), 77, PAGE);
    CHECK(ioctl(fd, READ, &address) == 0);
    CHECK(to[0] == 77 && to[PAGE] == 0 && to[2 * PAGE] == 13);
    address = 8;
    CHECK(ioctl(fd, READ, &address) == -1 && errno == EFAULT);
    CHECK(ioctl(fd, STOP) == 0);
    expect_free();
    CHECK(start(fd, to, 3 * PAGE, 1) == 0); /* memory of the program's own */
    to[PAGE] = 5;
    address = (uintptr_t)at(20);
    CHECK(ioctl(fd, READ, &address) == 0);
    CHECK(*at(20) == 77 && *at(21) == 5 && *at(22) == 13);
    CHECK(start(fd, at(1), PAGE, 0) == -EINVAL); /* one at a time */
    CHECK(ioctl(fd, STOP) == 0);
}

static void descriptors(int fd)
{
    CHECK(start(fd, at(30), PAGE, 1) == 0);
    int copy = dup(fd);
    CHECK(close(fd) == 0);
    expect_held(30, 1);
    CHECK(close(copy) == 0);
    expect_free();
}

static void processes(int fd)
{
    CHECK(start(fd, at(40), 2 * PAGE, 1) == 0);
    pid_t child = fork();
    if (child == 0) { /* a conversion by somebody else meets the pin as well; the child's descriptor is not the owner's */
        expect_held(40, 2);
        close(fd);
        expect_held(40, 2);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    expect_held(40, 2);
    CHECK(ioctl(fd, STOP) == 0);

    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    child = fork();
    if (child == 0) {
        CHECK(start(open("/sys/kernel/debug/gup_test", O_RDWR), at(50), PAGE, 1) == 0);
        CHECK(write(ends[1], "x", 1) == 1);
        pause();
    }
    CHECK(read(ends[0], &byte, 1) == 1);
    expect_held(50, 1);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    expect_free();
}

int main(void)
{
    begin();
    int fd = open("/sys/kernel/debug/gup_test", O_RDWR);
    CHECK(fd >= 0);
    bad_requests(fd);
    read_back(fd);
    processes(fd);
    descriptors(fd);
    return 0;
}
