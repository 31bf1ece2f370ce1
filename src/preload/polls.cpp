// poll on a gmem: the kernel calls an O_PATH descriptor invalid; a file without a poll operation is always ready.

#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"

#include <poll.h>

using namespace gmem;

namespace {

int corrected(pollfd *fds, nfds_t count, int ready) noexcept
{
    for (nfds_t i { 0 }; ready > 0 && i < count; ++i)
        if (fds[i].revents == POLLNVAL && preload::FdTable::may_be_gmem(fds[i].fd) && preload::GmemOf { fds[i].fd }) {
            fds[i].revents = fds[i].events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
            if (fds[i].revents == 0)
                --ready;
        }
    return ready;
}

} // namespace

GMEM_EXPORT int poll(pollfd *fds, nfds_t count, int timeout) { return corrected(fds, count, GMEM_NEXT(poll)(fds, count, timeout)); }
GMEM_EXPORT int ppoll(pollfd *fds, nfds_t count, timespec const *timeout, sigset_t const *mask)
{
    return corrected(fds, count, GMEM_NEXT(ppoll)(fds, count, timeout, mask));
}
