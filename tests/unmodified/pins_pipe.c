/* Pages that vmsplice put into a pipe, until they are read out of it. Exit 0, or 1 with the line. */
#include "tests/unmodified/pins.h"

#include <poll.h>
#include <signal.h>

static unsigned char buffer[16 * PAGE];

static ssize_t splice_in(int fd, int page, int pages)
{
    struct iovec part = { at(page), (size_t)pages * PAGE };
    return vmsplice(fd, &part, 1, SPLICE_F_NONBLOCK);
}

static void until_read(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(splice_in(ends[1], 4, 2) == 2 * PAGE); /* one of them was a hole */
    expect_held(4, 2);
    CHECK(splice_in(ends[1], 20, 1) == PAGE);
    CHECK(write(ends[1], buffer, 100) == 100);
    CHECK(held_at(5, PAGES - 5) == 5 && held_at(6, PAGES - 6) == 20);
    CHECK(read(ends[0], buffer, PAGE) == PAGE && buffer[0] == 5);
    CHECK(read(ends[0], buffer, PAGE) == PAGE && buffer[0] == 0);
    CHECK(read(ends[0], buffer, 100) == 100); /* the first piece is gone for certain: what waits came after it */
    expect_held(20, 1);
    CHECK(read(ends[0], buffer, PAGE) == PAGE);
    expect_free();
    CHECK(close(ends[1]) == 0 && close(ends[0]) == 0);
}

static void short_and_failed(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(fcntl(ends[1], F_SETPIPE_SZ, 4 * PAGE) == 4 * PAGE);
    CHECK(splice_in(ends[1], 10, 6) == 4 * PAGE); /* the pipe is full: the last two are not in it */
    expect_held(10, 4);
    CHECK(splice_in(ends[1], 30, 1) == -1 && errno == EAGAIN);
    expect_held(10, 4);
    CHECK(vmsplice(ends[1], (struct iovec *)8, 1, 0) == -1 && errno == EFAULT);
    CHECK(splice_in(0, 30, 1) == -1); /* not a pipe */
    close(ends[0]);
    close(ends[1]);
    expect_free();
    CHECK(pipe(ends) == 0);
    CHECK(convert_range(gmem_fd, 12 * PAGE, PAGE, 8) == 0);
    CHECK(splice_in(ends[1], 12, 1) == -1 && errno == EFAULT);
    CHECK(splice_in(ends[1], 10, 4) == 2 * PAGE); /* up to the private one */
    CHECK(convert_range(gmem_fd, 12 * PAGE, PAGE, 0) == 0);
    expect_held(10, 2);
    CHECK(read(ends[0], buffer, 2 * PAGE) == 2 * PAGE);
    /* Out of a pipe into a window: a copy. */
    CHECK(write(ends[1], "abc", 3) == 3);
    struct iovec part = { at(40), 3 };
    CHECK(vmsplice(ends[0], &part, 1, 0) == 3 && *at(40) == 'a');
    expect_free();
    close(ends[0]);
    close(ends[1]);
}

static void descriptors(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(splice_in(ends[1], 4, 1) == PAGE);
    int copy = dup(ends[1]);
    close(ends[1]);
    expect_held(4, 1);
    close(copy); /* it is still in the pipe */
    expect_held(4, 1);
    CHECK(read(ends[0], buffer, sizeof buffer) == PAGE && read(ends[0], buffer, 1) == 0);
    expect_free();
    close(ends[0]);
    CHECK(pipe(ends) == 0);
    CHECK(splice_in(ends[1], 4, 1) == PAGE);
    close(ends[0]);
    expect_held(4, 1); /* as the kernel's: it waits for a reader that may come back through /proc */
    close(ends[1]);
    expect_free();
}

static void processes(void)
{
    int ends[2], status;
    CHECK(pipe(ends) == 0);
    CHECK(splice_in(ends[1], 4, 1) == PAGE);
    pid_t child = fork();
    if (child == 0) { /* the pin is its parent's; reading empties the pipe for both */
        expect_held(4, 1);
        CHECK(read(ends[0], buffer, PAGE) == PAGE);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    expect_free();
    child = fork();
    if (child == 0) {
        CHECK(splice_in(ends[1], 8, 1) == PAGE);
        pause();
    }
    struct pollfd p = { .fd = ends[0], .events = POLLIN };
    CHECK(poll(&p, 1, 5000) == 1);
    for (int i = 0; i < 1000 && held_at(8, 1) == 0; ++i)
        usleep(1000);
    expect_held(8, 1);
    CHECK(kill(child, 9) == 0 && waitpid(child, &status, 0) == child);
    expect_free();
}

int main(void)
{
    begin();
    until_read();
    short_and_failed();
    descriptors();
    processes();
    return 0;
}
