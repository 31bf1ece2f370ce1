/*
 * Shared pages that go into a pipe by reference, as a device model sends them without copying, often those that have just become shared: whoever
 * converts them meanwhile is told EAGAIN.
 */
#include "hogger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

_Atomic int holder_stop;

void *holder_main(void *argument)
{
    struct machine *m = argument;
    enum { MOST = 8 }; /* a pipe takes sixteen */
    static unsigned char sink[MOST * PAGE];
    int pipes[2];
    uint64_t dice = m->options.seed * UINT64_C(0x2545f4914f6cdd1d) | 1, first = first_data_page(&m->options), pages = m->options.size / PAGE - first;
    if (pipe(pipes) < 0)
        fail("pipe: %s", strerror(errno));
    while (!holder_stop) {
        uint64_t latest = __atomic_load_n(&m->latest_shared, __ATOMIC_RELAXED), page = latest && xorshift(&dice) % 2 ? latest / PAGE : first + xorshift(&dice) % pages;
        uint64_t left = end_of(m, page * PAGE)->gpa + end_of(m, page * PAGE)->size - page * PAGE, wanted = (1 + xorshift(&dice) % MOST) * PAGE;
        struct iovec run = { .iov_base = host_at(m, page * PAGE), .iov_len = wanted < left ? wanted : left };
        ssize_t taken = vmsplice(pipes[1], &run, 1, SPLICE_F_NONBLOCK);
        if (taken < 0 && errno != EFAULT) /* EFAULT: the first is private */
            fail("vmsplice: %s", strerror(errno));
        struct timespec t = { 0, (long)(500000 + xorshift(&dice) % 4000000) };
        nanosleep(&t, NULL);
        if (taken > 0 && read(pipes[0], sink, (size_t)taken) < 0)
            fail("a pipe with a page: %s", strerror(errno));
    }
    close(pipes[0]);
    close(pipes[1]);
    return NULL;
}
