// poll and select on a gmem: the kernel calls an O_PATH descriptor invalid; a file without a poll operation is always ready.

#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"
#include "preload/signal_masks.hpp"

#include <poll.h>
#include <sys/select.h>

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

// select() takes an invalid descriptor for exceptional; a set may be larger than libc's fd_set.
int corrected(int count, fd_set *exceptional, int ready) noexcept
{
    auto *const words { reinterpret_cast<unsigned long *>(exceptional) };
    for (int fd { 0 }; ready > 0 && words && fd < count; ++fd) {
        auto &word { words[fd / 64] };
        auto const bit { 1ul << (fd % 64) };
        if ((word & bit) && preload::FdTable::may_be_gmem(fd) && preload::GmemOf { fd }) {
            word &= ~bit;
            --ready;
        }
    }
    return ready;
}

} // namespace

GMEM_EXPORT int select(int count, fd_set *readable, fd_set *writable, fd_set *exceptional, timeval *timeout)
{
    return corrected(count, exceptional, GMEM_NEXT(select)(count, readable, writable, exceptional, timeout));
}
GMEM_EXPORT int pselect(int count, fd_set *readable, fd_set *writable, fd_set *exceptional, timespec const *timeout, sigset_t const *mask)
{
    return corrected(count, exceptional, GMEM_NEXT(pselect)(count, readable, writable, exceptional, timeout, preload::KernelMask { mask }.get()));
}

extern "C" {
int __poll_chk(pollfd *, nfds_t, int, std::size_t);
int __ppoll_chk(pollfd *, nfds_t, timespec const *, sigset_t const *, std::size_t);
}
GMEM_EXPORT int __poll_chk(pollfd *fds, nfds_t count, int timeout, std::size_t room) { return corrected(fds, count, GMEM_NEXT(__poll_chk)(fds, count, timeout, room)); }
GMEM_EXPORT int __ppoll_chk(pollfd *fds, nfds_t count, timespec const *timeout, sigset_t const *mask, std::size_t room)
{
    return corrected(fds, count, GMEM_NEXT(__ppoll_chk)(fds, count, timeout, preload::KernelMask { mask }.get(), room));
}
GMEM_EXPORT int poll(pollfd *fds, nfds_t count, int timeout) { return corrected(fds, count, GMEM_NEXT(poll)(fds, count, timeout)); }
GMEM_EXPORT int ppoll(pollfd *fds, nfds_t count, timespec const *timeout, sigset_t const *mask)
{
    return corrected(fds, count, GMEM_NEXT(ppoll)(fds, count, timeout, preload::KernelMask { mask }.get()));
}
