/* io_uring's registered buffers, by syscall() and by liburing's functions where they are linked. Exit 0, or 1 with the line. */
#include "tests/unmodified/pins.h"

#include <linux/io_uring.h>
#include <signal.h>

#ifdef WITH_LIBURING
#include <liburing.h>
#endif

struct registration { uint32_t count, flags; uint64_t reserved, parts, tags; };
struct update { uint32_t first, reserved; uint64_t parts, tags; uint32_t count, reserved2; };

static struct iovec pages(int page, int count) { return (struct iovec) { at(page), (size_t)count * PAGE }; }

static int new_ring(void)
{
    struct io_uring_params p;
    memset(&p, 0, sizeof p);
    int ring = (int)syscall(SYS_io_uring_setup, 8, &p);
    if (ring < 0) {
        printf("skipped: no io_uring here\n");
        exit(77);
    }
    return ring;
}

static long change(int ring, unsigned what, const void *argument, unsigned count)
{
    return syscall(SYS_io_uring_register, ring, what, argument, count) < 0 ? -errno : 0;
}

static void registered(void)
{
    int ring = new_ring();
    struct iovec parts[2] = { pages(5, 2), pages(20, 1) };
    CHECK(change(ring, 0, parts, 2) == 0); /* page 5 was a hole: the kernel finds it all the same */
    CHECK(held_at(0, PAGES) == 5 && held_at(6, 1) == 6 && held_at(7, 13) == 0 && held_at(7, PAGES - 7) == 20);
    parts[0] = pages(30, 1);
    CHECK(change(ring, 0, parts, 1) == -EBUSY); /* a failed call keeps nothing */
    CHECK(held_at(21, PAGES - 21) == 0);
    CHECK(change(ring, 1, NULL, 0) == 0);
    expect_free();
    CHECK(convert_range(gmem_fd, 40 * PAGE, PAGE, 8) == 0);
    parts[1] = pages(39, 3);
    CHECK(change(ring, 0, parts, 2) == -EFAULT);
    CHECK(convert_range(gmem_fd, 40 * PAGE, PAGE, 0) == 0);
    expect_free();
    CHECK(change(ring, 0, (void *)8, 1) == -EFAULT);

    struct registration r = { 2, 0, 0, (uint64_t)(uintptr_t)parts, 0 };
    CHECK(change(ring, 15, &r, sizeof r) == 0);
    CHECK(held_at(0, PAGES) == 30 && held_at(31, PAGES - 31) == 39);
    struct iovec new_one = pages(50, 2);
    struct update u = { 1, 0, (uint64_t)(uintptr_t)&new_one, 0, 1, 0 };
    CHECK(syscall(SYS_io_uring_register, ring, 16, &u, sizeof u) == 1);
    CHECK(held_at(0, PAGES) == 30 && held_at(31, PAGES - 31) == 50);
    new_one = (struct iovec) { NULL, 0 };
    CHECK(syscall(SYS_io_uring_register, ring, 16, &u, sizeof u) == 1);
    expect_held(30, 1);
    u.first = 9;
    CHECK(syscall(SYS_io_uring_register, ring, 16, &u, sizeof u) == -1);
    expect_held(30, 1);
    CHECK(close(ring) == 0);
    expect_free();
}

static void descriptors_and_processes(void)
{
    int status, ring = new_ring(), copy = dup(ring);
    struct iovec part = pages(7, 1);
    CHECK(change(ring, 0, &part, 1) == 0);
    CHECK(close(ring) == 0);
    expect_held(7, 1);
    pid_t child = fork();
    if (child == 0) {
        close(copy); /* the parent still has it */
        expect_held(7, 1);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    expect_held(7, 1);
    CHECK(change(copy, 1, NULL, 0) == 0);
    expect_free();
    close(copy);

    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    child = fork();
    if (child == 0) {
        part = pages(9, 1);
        CHECK(change(new_ring(), 0, &part, 1) == 0);
        CHECK(write(ends[1], "x", 1) == 1);
        pause();
    }
    CHECK(read(ends[0], &byte, 1) == 1);
    expect_held(9, 1);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    expect_free();
}

#ifdef WITH_LIBURING
static void by_liburing(void)
{
    struct io_uring ring;
    struct iovec parts[2] = { pages(5, 2), pages(20, 1) };
    CHECK(io_uring_queue_init(8, &ring, 0) == 0);
    CHECK(io_uring_register_buffers(&ring, parts, 2) == 0);
    CHECK(held_at(0, PAGES) == 5 && held_at(7, PAGES - 7) == 20);
    CHECK(io_uring_register_buffers(&ring, parts, 2) == -EBUSY);
    CHECK(io_uring_unregister_buffers(&ring) == 0);
    expect_free();
    CHECK(io_uring_register_buffers_tags(&ring, parts + 1, NULL, 1) == 0);
    expect_held(20, 1);
    CHECK(io_uring_register_buffers_update_tag(&ring, 0, parts, NULL, 1) == 1);
    expect_held(5, 2);
    io_uring_queue_exit(&ring);
    expect_free();
}
#endif

int main(void)
{
    begin();
    registered();
    descriptors_and_processes();
#ifdef WITH_LIBURING
    by_liburing();
#endif
    return 0;
}
