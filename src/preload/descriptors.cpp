// open, close, dup and fcntl: how descriptors come and go.

#include "memory/holds.hpp"
#include "memory/process.hpp"
#include "os/file_calls.hpp"
#include "preload/answer.hpp"
#include "preload/closing.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"

#include <algorithm>
#include <cstdarg>
#include <sys/file.h>
#include <unistd.h>

using namespace gmem;
using preload::FdTable;

extern "C" int __close(int);

namespace {

// Is `fd` a number that gmem's hidden copy stands at? The program does not know of it and may not close it.
bool protected_from_program(int fd) noexcept { return FdTable::hidden(fd) && !FdTable::in_vfork_child(); }

int close_any(int fd) noexcept
{
    if (protected_from_program(fd)) [[unlikely]]
        return preload::refuse(EBADF);
    preload::Closing const closing { static_cast<unsigned>(fd), static_cast<unsigned>(fd) };
    FdTable::leave(fd);
    return GMEM_NEXT(close)(fd);
}

// The kernel's close_range with our copies left out.
int close_range_around_hidden(unsigned first, unsigned last, int flags) noexcept
{
    if (first > last || FdTable::in_vfork_child())
        return GMEM_NEXT(close_range)(first, last, flags);
    for (;;) {
        auto const ours { os::OwnNumbers::first_in(first, last) };
        if (ours < 0)
            return first <= last ? GMEM_NEXT(close_range)(first, last, flags) : 0;
        auto const at { static_cast<unsigned>(ours) };
        if (at > first)
            if (auto const result { GMEM_NEXT(close_range)(first, at - 1, flags) }; result != 0)
                return result;
        first = at + 1;
    }
}

// dup2 onto a number of ours: the program gets it, gmem goes on through the helper.
void make_way(int fd) noexcept
{
    if (!protected_from_program(fd)) [[likely]]
        return;
    if (fd == memory::Process::userfaultfd().own())
        memory::Process::userfaultfd().yield_own();
    os::OwnNumbers::remove(fd);
}

bool is_open(int fd) noexcept { return !os::failed(os::system_call(SYS_fcntl, fd, F_GETFD)); }

int duplicated(int from, int to) noexcept
{
    if (to >= 0 && (FdTable::ours(from) || FdTable::ours(to))) [[unlikely]] {
        preload::ErrnoKept kept;
        FdTable::duplicate(from, to);
    }
    return to;
}

constexpr int status_flags { 0x8002 }; // O_RDWR | O_LARGEFILE

// Locks, leases, owners and status flags belong to the description of a file, and O_PATH has none to speak of: gmem's own copy of the
// file lends its own.
template <typename Call>
int through_own_copy(memory::GuestMemory &g, int without, Call &&call) noexcept(noexcept(call(0)))
{
    int own { -1 };
    {
        preload::ErrnoKept kept;
        own = g.own_copy().get();
    }
    if (own >= 0)
        return call(own);
    return without >= 0 ? without : preload::refuse(EBADF);
}

// What fcntl answers for a gmem where the O_PATH descriptor behind it would answer otherwise (specification 4.4).
int fcntl_of_gmem(memory::GuestMemory &g, int fd, int command, void *argument)
{
    switch (command) {
    case F_GETFD:
    case F_SETFD:
        return GMEM_NEXT(fcntl)(fd, command, argument);
    case os::f_add_seals:
    case os::f_add_seals + 1:
        return preload::refuse(EINVAL);
    case F_SETFL:
        if (reinterpret_cast<std::uintptr_t>(argument) & O_DIRECT)
            return preload::refuse(EINVAL);
        break;
    default:
        break;
    }
    auto const without { command == F_GETFL ? status_flags : command == F_SETFL ? 0 : -1 };
    return through_own_copy(g, without, [&](int own) { return GMEM_NEXT(fcntl)(own, command, argument); });
}

} // namespace

GMEM_EXPORT int close(int fd) { return close_any(fd); }
GMEM_EXPORT int __close(int fd) { return close_any(fd); }

GMEM_EXPORT int close_range(unsigned first, unsigned last, int flags) noexcept
{
    preload::Closing const closing { flags == 0 ? first : 1, flags == 0 ? last : 0 };
    auto const result { close_range_around_hidden(first, last, flags) };
    if (result == 0 && flags == 0) {
        preload::ErrnoKept kept;
        FdTable::leave_range(first, last);
    }
    return result;
}

GMEM_EXPORT void closefrom(int lowest) noexcept
{
    preload::ErrnoKept kept;
    close_range(static_cast<unsigned>(std::max(lowest, 0)), ~0u, 0);
}

// dup2 closes its target, unless it fails or has nothing to do.
#define CLOSING_FOR_DUPLICATE(from, to)                                                         \
    bool const closes { (from) != (to) && (to) >= 0 && memory::Holds::may_be_held_by(to) && is_open(from) }; \
    preload::Closing const closing { closes ? static_cast<unsigned>(to) : 1, closes ? static_cast<unsigned>(to) : 0 }

GMEM_EXPORT int dup(int fd) noexcept { return duplicated(fd, GMEM_NEXT(dup)(fd)); }
GMEM_EXPORT int dup2(int from, int to) noexcept
{
    make_way(to);
    CLOSING_FOR_DUPLICATE(from, to);
    return duplicated(from, GMEM_NEXT(dup2)(from, to));
}
GMEM_EXPORT int dup3(int from, int to, int flags) noexcept
{
    make_way(to);
    CLOSING_FOR_DUPLICATE(from, to);
    return duplicated(from, GMEM_NEXT(dup3)(from, to, flags));
}

static int fcntl_any(int fd, int command, void *argument)
{
    if (FdTable::ours(fd)) [[unlikely]] {
        if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
            return duplicated(fd, GMEM_NEXT(fcntl)(fd, command, argument));
        if (preload::GmemOf const g { fd }; g)
            return fcntl_of_gmem(*g, fd, command, argument);
    }
    return GMEM_NEXT(fcntl)(fd, command, argument);
}

GMEM_EXPORT int fcntl(int fd, int command, ...)
{
    std::va_list list;
    va_start(list, command);
    void *const argument { va_arg(list, void *) };
    va_end(list);
    return fcntl_any(fd, command, argument);
}
GMEM_EXPORT int fcntl64(int fd, int command, ...)
{
    std::va_list list;
    va_start(list, command);
    void *const argument { va_arg(list, void *) };
    va_end(list);
    return fcntl_any(fd, command, argument);
}

GMEM_EXPORT int flock(int fd, int operation) noexcept
{
    if (preload::GmemOf const g { fd }; g)
        return through_own_copy(*g, -1, [&](int own) noexcept { return GMEM_NEXT(flock)(own, operation); });
    return GMEM_NEXT(flock)(fd, operation);
}
GMEM_EXPORT int lockf(int fd, int command, off_t length)
{
    if (preload::GmemOf const g { fd }; g)
        return through_own_copy(*g, -1, [&](int own) { return GMEM_NEXT(lockf)(own, command, length); });
    return GMEM_NEXT(lockf)(fd, command, length);
}
GMEM_EXPORT int lockf64(int fd, int command, off64_t length)
{
    if (preload::GmemOf const g { fd }; g)
        return through_own_copy(*g, -1, [&](int own) { return GMEM_NEXT(lockf64)(own, command, length); });
    return GMEM_NEXT(lockf64)(fd, command, length);
}
