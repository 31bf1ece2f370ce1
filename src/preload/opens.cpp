// open: few paths matter. /dev/kvm and the kernel's gup_test where there are none, and /proc/self/fd/N of a gmem, which would open the memory ungated.

#include "memory/pool.hpp"
#include "memory/process.hpp"
#include "os/file_calls.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/gup_test.hpp"
#include "preload/next.hpp"
#include "preload/openat2.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace gmem;
using preload::FdTable;
using preload::Kind;

namespace {

bool begins_with(char const *path, char const *prefix) noexcept { return std::strncmp(path, prefix, std::strlen(prefix)) == 0; }

// Another description of a gmem's file, and not O_PATH: a guest_memfd has no open operation (ENXIO).
bool reaches_a_gmem(int fd, int flags) noexcept
{
    if ((flags & O_PATH) || !memory::Process::started())
        return false;
    os::KernelStat facts {};
    if (os::failed(os::system_call(SYS_fstat, fd, &facts)))
        return false;
    for (auto const &g : memory::Pool::ever_used())
        if (g.in_use() && g.facts().inode == facts.st_ino && g.facts().device == facts.st_dev)
            return true;
    return false;
}

int gup_test_stand_in(int flags) noexcept
{
    auto const why { errno };
    auto const fd { os::system_call(SYS_openat, os::current_directory, "/dev/null", os::open_read_write | (flags & os::close_on_exec)) };
    if (!os::failed(fd) && FdTable::enter_gup_test(static_cast<int>(fd), Kind::gup_test_absent))
        return static_cast<int>(fd);
    if (!os::failed(fd))
        os::system_call(SYS_close, fd);
    return preload::refuse(why);
}

// No device that may be used is at its path: a stand-in. -1: as before.
int device_stand_in(char const *path, int flags) noexcept
{
    auto const why { errno };
    if (why != ENOENT && why != EACCES && why != EPERM && why != ENXIO && why != ENODEV)
        return -1;
    auto const kind { std::strcmp(path, "/dev/kvm") == 0 ? Kind::kvm_absent : std::strcmp(path, "/dev/sev") == 0 ? Kind::sev_absent : Kind::foreign };
    if (kind == Kind::foreign)
        return -1;
    auto const stand_in { os::system_call(SYS_openat, os::current_directory, "/dev/null", os::open_read_write | (flags & os::close_on_exec)) };
    if (os::failed(stand_in))
        return preload::refuse(why);
    FdTable::enter(static_cast<int>(stand_in), kind);
    return static_cast<int>(stand_in);
}

int opened(int fd, char const *path, int flags) noexcept
{
    if (fd >= 0) [[likely]] {
        if (FdTable::ours(fd)) // libc closed the old owner of the number where we did not see it
            FdTable::leave(fd);
        if (path && (begins_with(path, "/proc/") || begins_with(path, "/dev/fd/") || begins_with(path, "/sys/kernel/debug/"))) [[unlikely]] {
            preload::ErrnoKept kept;
            if (preload::GupTest::is_path(path))
                FdTable::enter_gup_test(fd, Kind::gup_test);
            else if (reaches_a_gmem(fd, flags)) {
                os::system_call(SYS_close, fd);
                fd = -1;
            }
        }
        if (fd < 0)
            return preload::refuse(ENXIO);
        return fd;
    }
    if (auto const stand_in { path ? device_stand_in(path, flags) : -1 }; stand_in >= 0)
        return stand_in;
    if (path && (errno == ENOENT || errno == EACCES || errno == EPERM) && preload::GupTest::is_path(path))
        return gup_test_stand_in(flags);
    return fd;
}

} // namespace

#define MODE_OF(flags, list)                             \
    mode_t mode { 0 };                                   \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
        std::va_list list;                               \
        va_start(list, flags);                           \
        mode = va_arg(list, mode_t);                     \
        va_end(list);                                    \
    }

GMEM_EXPORT int open(char const *path, int flags, ...)
{
    MODE_OF(flags, list)
    return opened(GMEM_NEXT(open)(path, flags, mode), path, flags);
}
GMEM_EXPORT int open64(char const *path, int flags, ...)
{
    MODE_OF(flags, list)
    return opened(GMEM_NEXT(open64)(path, flags, mode), path, flags);
}
GMEM_EXPORT int openat(int directory, char const *path, int flags, ...)
{
    MODE_OF(flags, list)
    return opened(GMEM_NEXT(openat)(directory, path, flags, mode), path, flags);
}
GMEM_EXPORT int openat64(int directory, char const *path, int flags, ...)
{
    MODE_OF(flags, list)
    return opened(GMEM_NEXT(openat64)(directory, path, flags, mode), path, flags);
}
extern "C" {
int __open_2(char const *, int);
int __open64_2(char const *, int);
int __openat_2(int, char const *, int);
int __openat64_2(int, char const *, int);
}
GMEM_EXPORT int creat(char const *path, mode_t mode) { return opened(GMEM_NEXT(creat)(path, mode), path, O_WRONLY | O_CREAT | O_TRUNC); }
GMEM_EXPORT int creat64(char const *path, mode_t mode) { return opened(GMEM_NEXT(creat64)(path, mode), path, O_WRONLY | O_CREAT | O_TRUNC); }
GMEM_EXPORT int __open_2(char const *path, int flags) { return opened(GMEM_NEXT(__open_2)(path, flags), path, flags); }
GMEM_EXPORT int __open64_2(char const *path, int flags) { return opened(GMEM_NEXT(__open64_2)(path, flags), path, flags); }
GMEM_EXPORT int __openat_2(int directory, char const *path, int flags) { return opened(GMEM_NEXT(__openat_2)(directory, path, flags), path, flags); }
GMEM_EXPORT int __openat64_2(int directory, char const *path, int flags) { return opened(GMEM_NEXT(__openat64_2)(directory, path, flags), path, flags); }

// openat2 has no wrapper in libc: syscall() comes here.
long gmem::preload::openat2(int directory, char const *path, std::uint64_t const *how, std::size_t size)
{
    auto const fd { GMEM_NEXT(syscall)(437, directory, path, how, size) };
    return fd < 0 ? fd : opened(static_cast<int>(fd), path, static_cast<int>(*how));
}

// Streams: libc opens where we do not see it.
static FILE *stream_opened(FILE *stream, char const *path) noexcept
{
    if (!stream || !path || (!begins_with(path, "/proc/") && !begins_with(path, "/dev/fd/")) || !reaches_a_gmem(fileno(stream), 0)) [[likely]]
        return stream;
    fclose(stream);
    errno = ENXIO;
    return nullptr;
}
GMEM_EXPORT FILE *fopen(char const *path, char const *mode) { return stream_opened(GMEM_NEXT(fopen)(path, mode), path); }
GMEM_EXPORT FILE *fopen64(char const *path, char const *mode) { return stream_opened(GMEM_NEXT(fopen64)(path, mode), path); }
GMEM_EXPORT FILE *freopen(char const *path, char const *mode, FILE *stream) { return stream_opened(GMEM_NEXT(freopen)(path, mode, stream), path); }
GMEM_EXPORT FILE *freopen64(char const *path, char const *mode, FILE *stream) { return stream_opened(GMEM_NEXT(freopen64)(path, mode, stream), path); }

// libc asks the descriptor whether it may be read and written; an O_PATH one seems readable only.
GMEM_EXPORT FILE *fdopen(int fd, char const *mode) noexcept
{
    return GMEM_NEXT(fdopen)(fd, preload::GmemOf { fd } ? "r" : mode);
}
