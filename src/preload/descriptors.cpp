// open, close, dup and fcntl: how descriptors come and go.

#include "memory/process.hpp"
#include "os/file_calls.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"

#include <algorithm>
#include <cstdarg>
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

int duplicated(int from, int to) noexcept
{
    if (to >= 0 && (FdTable::ours(from) || FdTable::ours(to))) [[unlikely]] {
        preload::ErrnoKept kept;
        FdTable::duplicate(from, to);
    }
    return to;
}

// What fcntl answers for a gmem where the O_PATH descriptor behind it would answer otherwise (specification 4.4).
constexpr int status_flags { 0x8002 }; // O_RDWR | O_LARGEFILE

} // namespace

GMEM_EXPORT int close(int fd) { return close_any(fd); }
GMEM_EXPORT int __close(int fd) { return close_any(fd); }

GMEM_EXPORT int close_range(unsigned first, unsigned last, int flags) noexcept
{
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

GMEM_EXPORT int dup(int fd) noexcept { return duplicated(fd, GMEM_NEXT(dup)(fd)); }
GMEM_EXPORT int dup2(int from, int to) noexcept
{
    make_way(to);
    return duplicated(from, GMEM_NEXT(dup2)(from, to));
}
GMEM_EXPORT int dup3(int from, int to, int flags) noexcept
{
    make_way(to);
    return duplicated(from, GMEM_NEXT(dup3)(from, to, flags));
}

static int fcntl_any(int fd, int command, void *argument) noexcept
{
    if (FdTable::ours(fd)) [[unlikely]] {
        if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
            return duplicated(fd, GMEM_NEXT(fcntl)(fd, command, argument));
        if (FdTable::may_be_gmem(fd))
            switch (command) {
            case F_GETFL:
                return status_flags;
            case F_SETFL:
                return 0;
            case os::f_add_seals:
            case os::f_add_seals + 1:
                return preload::refuse(EINVAL);
            default:
                break;
            }
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
