/* Shared pages that go into a pipe by reference, as a device model sends them without copying: whoever converts them meanwhile is told EAGAIN. */
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
    static unsigned char sink[PAGE];
    int pipes[2];
    uint64_t dice = m->options.seed * UINT64_C(0x2545f4914f6cdd1d) | 1, first = first_data_page(&m->options), pages = m->options.size / PAGE - first;
    if (pipe(pipes) < 0)
        fail("pipe: %s", strerror(errno));
    while (!holder_stop) {
        struct iovec page = { .iov_base = host_at(m, (first + xorshift(&dice) % pages) * PAGE), .iov_len = PAGE };
        ssize_t taken = vmsplice(pipes[1], &page, 1, SPLICE_F_NONBLOCK);
        if (taken < 0 && errno != EFAULT) /* EFAULT: it is private */
            fail("vmsplice: %s", strerror(errno));
        if (taken < 0)
            continue;
        struct timespec t = { 0, (long)(500000 + xorshift(&dice) % 2500000) };
        nanosleep(&t, NULL);
        if (read(pipes[0], sink, (size_t)taken) < 0)
            fail("a pipe with a page: %s", strerror(errno));
    }
    close(pipes[0]);
    close(pipes[1]);
    return NULL;
}
