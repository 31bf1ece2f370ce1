/* io_submit: the pages of a request are held until its completion is reaped, by a call or from the ring itself. Exit 0, or 1 with the line. */
#include "tests/unmodified/pins.h"

#include <linux/aio_abi.h>
#include <time.h>

struct ring { uint32_t id, entries, head, tail, magic, compatible, incompatible, header; };

static aio_context_t context;
static int file;

static struct iocb request(int opcode, int page, int pages)
{
    struct iocb r;
    memset(&r, 0, sizeof r);
    r.aio_lio_opcode = (uint16_t)opcode;
    r.aio_fildes = (uint32_t)file;
    r.aio_buf = (uint64_t)(uintptr_t)at(page);
    r.aio_nbytes = (uint64_t)pages * PAGE;
    return r;
}

static void reap(long n)
{
    struct io_event events[8];
    CHECK(syscall(SYS_io_getevents, context, n, n, events, NULL) == n);
    for (long i = 0; i < n; ++i)
        CHECK(events[i].res > 0);
}

int main(void)
{
    char name[] = "asynchronous-XXXXXX";
    begin();
    file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0);
    CHECK(syscall(SYS_io_setup, 8, &context) == 0);
    memset(at(4), 'w', 2 * PAGE);
    struct iocb write_it = request(IOCB_CMD_PWRITE, 4, 2), read_it = request(IOCB_CMD_PREAD, 11, 2), *list[3] = { &write_it, &read_it, NULL };
    CHECK(syscall(SYS_io_submit, context, 1, list) == 1);
    expect_held(4, 2);
    reap(1);
    expect_free();
    CHECK(syscall(SYS_io_submit, context, 1, list + 1) == 1); /* into a hole of the window's */
    expect_held(11, 2);
    reap(1);
    CHECK(*at(11) == 'w' && *at(12) == 'w');
    expect_free();

    struct iovec parts[2] = { { at(20), PAGE }, { at(21), PAGE } };
    struct iocb vector = request(IOCB_CMD_PWRITEV, 0, 0), bad = request(99, 30, 1);
    vector.aio_buf = (uint64_t)(uintptr_t)parts;
    vector.aio_nbytes = 2;
    struct iocb *mixed[3] = { &vector, &bad, &read_it };
    CHECK(syscall(SYS_io_submit, context, 3, mixed) == 1); /* stops at the second */
    expect_held(20, 2);
    CHECK(syscall(SYS_io_submit, context, 1, mixed + 1) == -1 && errno == EINVAL);
    expect_held(20, 2);

    /* As some programs do: without a call. */
    struct ring *ring = (struct ring *)context;
    CHECK(ring->magic == 0xa10a10a1);
    while (*(volatile uint32_t *)&ring->head == *(volatile uint32_t *)&ring->tail)
        usleep(1000);
    *(volatile uint32_t *)&ring->head = (ring->head + 1) % ring->entries;
    expect_free();

    CHECK(syscall(SYS_io_submit, context, 1, list) == 1);
    expect_held(4, 2);
    CHECK(syscall(SYS_io_destroy, context) == 0);
    expect_free();
    CHECK(syscall(SYS_io_submit, context, 1, list) == -1 && errno == EINVAL);
    expect_free();
    return 0;
}
