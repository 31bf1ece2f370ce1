// Calls that wait with another mask, and calls that wait for signals. A SIGBUS that waits for its thread waits as the stand-in; one that
// comes while a thread waits for it is taken by the kernel before any handler runs.

#include "memory/sigbus.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"
#include "preload/signal_masks.hpp"

#include <csignal>
#include <sys/epoll.h>
#include <sys/signalfd.h>

using namespace gmem;
using memory::Sigbus;
using preload::first_word;
using preload::KernelMask;

namespace {

bool names_sigbus(sigset_t const *set) noexcept { return set && (first_word(*set) & Sigbus::bit); }

// SIGBUS in both of its shapes.
sigset_t both_shapes(sigset_t const &set) noexcept
{
    auto both { set };
    preload::set_first_word(both, first_word(set) | Sigbus::stand_in_bit);
    return both;
}

int unmasked(int signal, siginfo_t &info) noexcept
{
    return signal == Sigbus::stand_in && Sigbus::unmask(info.si_signo, info.si_errno) ? SIGBUS : signal;
}

template <typename Wait>
int wait_for_sigbus(sigset_t const &set, siginfo_t *info, Wait &&wait)
{
    siginfo_t seen {};
    auto const both { both_shapes(set) };
    auto const signal { wait(&both, &seen) };
    if (signal < 0)
        return signal;
    auto const number { unmasked(signal, seen) };
    if (info)
        *info = seen;
    return number;
}

} // namespace

GMEM_EXPORT int sigwaitinfo(sigset_t const *set, siginfo_t *info)
{
    if (!names_sigbus(set)) [[likely]]
        return GMEM_NEXT(sigwaitinfo)(set, info);
    return wait_for_sigbus(*set, info, [](sigset_t const *both, siginfo_t *seen) { return GMEM_NEXT(sigwaitinfo)(both, seen); });
}
GMEM_EXPORT int sigtimedwait(sigset_t const *set, siginfo_t *info, timespec const *timeout)
{
    if (!names_sigbus(set)) [[likely]]
        return GMEM_NEXT(sigtimedwait)(set, info, timeout);
    return wait_for_sigbus(*set, info, [timeout](sigset_t const *both, siginfo_t *seen) { return GMEM_NEXT(sigtimedwait)(both, seen, timeout); });
}
GMEM_EXPORT int sigwait(sigset_t const *set, int *signal)
{
    if (!names_sigbus(set)) [[likely]]
        return GMEM_NEXT(sigwait)(set, signal);
    preload::ErrnoKept kept;
    for (;;) {
        siginfo_t info;
        auto const number { sigwaitinfo(set, &info) };
        if (number < 0 && errno == EINTR)
            continue;
        if (number < 0)
            return errno;
        *signal = number;
        return 0;
    }
}

GMEM_EXPORT int signalfd(int fd, sigset_t const *set, int flags) noexcept
{
    auto const result { GMEM_NEXT(signalfd)(fd, KernelMask { set }.get(), flags) };
    if (result >= 0 && names_sigbus(set)) {
        preload::ErrnoKept kept;
        preload::FdTable::enter(result, preload::Kind::signals);
    }
    return result;
}

GMEM_EXPORT int sigsuspend(sigset_t const *set) { return GMEM_NEXT(sigsuspend)(KernelMask { set }.get()); }
GMEM_EXPORT int epoll_pwait(int fd, epoll_event *events, int room, int timeout, sigset_t const *set)
{
    return GMEM_NEXT(epoll_pwait)(fd, events, room, timeout, KernelMask { set }.get());
}
GMEM_EXPORT int epoll_pwait2(int fd, epoll_event *events, int room, timespec const *timeout, sigset_t const *set)
{
    return GMEM_NEXT(epoll_pwait2)(fd, events, room, timeout, KernelMask { set }.get());
}

// What a signalfd reports of the stand-in is a SIGBUS. A stale entry of the table harms nobody: only a record in disguise is touched.
void gmem::preload::show_sigbus(void *records, ssize_t bytes) noexcept
{
    auto *const first { static_cast<signalfd_siginfo *>(records) };
    for (ssize_t i { 0 }; (i + 1) * static_cast<ssize_t>(sizeof *first) <= bytes; ++i) {
        auto number { static_cast<int>(first[i].ssi_signo) };
        if (Sigbus::unmask(number, first[i].ssi_errno))
            first[i].ssi_signo = SIGBUS;
    }
}
