// What a guest_memfd refuses, where the O_PATH descriptor behind a gmem refuses with another errno (EBADF). The call itself goes on
// unchanged: only an answer that can have no other meaning is put right, so a foreign descriptor pays nothing.

#include "os/file_calls.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"

#include <algorithm>
#include <cstring>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace gmem;

namespace {

bool is_gmem(int fd) noexcept { return bool(preload::GmemOf { fd }); }

template <typename T>
T corrected(T result, int fd, int err) noexcept
{
    return result == -1 && errno == EBADF && is_gmem(fd) ? preload::refuse<T>(err) : result;
}

bool is_open(int fd) noexcept
{
    os::KernelStat facts {};
    return !os::failed(os::system_call(SYS_fstat, fd, &facts));
}

// Two descriptors, one of them a gmem: EBADF is right where the other one is closed.
template <typename T>
T corrected(T result, int from, int to, int err_from, int err_to) noexcept
{
    if (result != -1 || errno != EBADF || !is_open(from) || !is_open(to))
        return result;
    return is_gmem(from) ? preload::refuse<T>(err_from) : is_gmem(to) ? preload::refuse<T>(err_to) : result;
}

// A guest_memfd lives among the anonymous inodes.
constexpr long anonymous_inodes { 0x09041934 };

template <typename T>
int presented(int result, int fd, T *out) noexcept
{
    if (result == 0 && is_gmem(fd))
        out->f_type = anonymous_inodes;
    return result;
}

// The file's name as the kernel shows it: "/proc/.../fd/N" of a gmem.
template <typename Text>
ssize_t named(ssize_t length, char const *path, Text *text, std::size_t room) noexcept
{
    static constexpr char ours[] { "/memfd:guest_memfd (deleted)" }, theirs[] { "anon_inode:[kvm-gmem]" };
    auto const seen { std::min(sizeof ours - 1, room) };
    if (length != static_cast<ssize_t>(seen) || std::memcmp(text, ours, seen) != 0 || !path || std::strncmp(path, "/proc/", 6) != 0)
        return length;
    auto const shown { std::min(sizeof theirs - 1, room) };
    std::memcpy(text, theirs, shown);
    std::memset(text + shown, 0, seen - shown);
    return static_cast<ssize_t>(shown);
}

} // namespace

#define GMEM_CORRECTED(type, function, parameters, arguments, fd, err) \
    GMEM_EXPORT type function parameters { return corrected<type>(GMEM_NEXT(function) arguments, fd, err); }

GMEM_CORRECTED(ssize_t, readahead, (int fd, off64_t offset, std::size_t count) noexcept, (fd, offset, count), fd, EINVAL)
GMEM_CORRECTED(ssize_t, fgetxattr, (int fd, char const *name, void *value, std::size_t size) noexcept, (fd, name, value, size), fd, EOPNOTSUPP)
GMEM_CORRECTED(int, fsetxattr, (int fd, char const *name, void const *value, std::size_t size, int flags) noexcept, (fd, name, value, size, flags), fd, EOPNOTSUPP)
GMEM_CORRECTED(int, fremovexattr, (int fd, char const *name) noexcept, (fd, name), fd, EOPNOTSUPP)
GMEM_CORRECTED(int, bind, (int fd, sockaddr const *address, socklen_t size) noexcept, (fd, address, size), fd, ENOTSOCK)
GMEM_CORRECTED(int, connect, (int fd, sockaddr const *address, socklen_t size), (fd, address, size), fd, ENOTSOCK)
GMEM_CORRECTED(int, listen, (int fd, int backlog) noexcept, (fd, backlog), fd, ENOTSOCK)
GMEM_CORRECTED(int, shutdown, (int fd, int how) noexcept, (fd, how), fd, ENOTSOCK)
GMEM_CORRECTED(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size) noexcept, (fd, level, name, value, size), fd, ENOTSOCK)
GMEM_CORRECTED(int, setsockopt, (int fd, int level, int name, void const *value, socklen_t size) noexcept, (fd, level, name, value, size), fd, ENOTSOCK)
GMEM_CORRECTED(int, getsockname, (int fd, sockaddr *address, socklen_t *size) noexcept, (fd, address, size), fd, ENOTSOCK)
GMEM_CORRECTED(int, getpeername, (int fd, sockaddr *address, socklen_t *size) noexcept, (fd, address, size), fd, ENOTSOCK)
GMEM_CORRECTED(int, accept, (int fd, sockaddr *address, socklen_t *size), (fd, address, size), fd, ENOTSOCK)
GMEM_CORRECTED(int, accept4, (int fd, sockaddr *address, socklen_t *size, int flags), (fd, address, size, flags), fd, ENOTSOCK)

// Where a guest_memfd does not refuse, but has nothing to do.
GMEM_EXPORT int syncfs(int fd) noexcept
{
    preload::ErrnoKept kept;
    auto const result { GMEM_NEXT(syncfs)(fd) };
    return result == -1 && !(errno == EBADF && is_gmem(fd)) ? kept.failed_with(errno) : 0;
}
GMEM_EXPORT ssize_t flistxattr(int fd, char *list, std::size_t size) noexcept
{
    preload::ErrnoKept kept;
    auto const result { GMEM_NEXT(flistxattr)(fd, list, size) };
    if (result == -1)
        return errno == EBADF && is_gmem(fd) ? 0 : kept.failed_with(errno);
    return result;
}
GMEM_EXPORT int posix_fadvise(int fd, off_t offset, off_t length, int advice) noexcept
{
    auto const result { GMEM_NEXT(posix_fadvise)(fd, offset, length, advice) };
    return result == EBADF && is_gmem(fd) ? (advice < 0 || advice > POSIX_FADV_NOREUSE || length < 0 ? EINVAL : 0) : result;
}
GMEM_EXPORT int posix_fadvise64(int fd, off64_t offset, off64_t length, int advice) noexcept
{
    auto const result { GMEM_NEXT(posix_fadvise64)(fd, offset, length, advice) };
    return result == EBADF && is_gmem(fd) ? (advice < 0 || advice > POSIX_FADV_NOREUSE || length < 0 ? EINVAL : 0) : result;
}

GMEM_EXPORT int isatty(int fd) noexcept
{
    auto const result { GMEM_NEXT(isatty)(fd) };
    return result == 0 && errno == EBADF && is_gmem(fd) ? (errno = ENOTTY, 0) : result;
}

// No poll operation: may not be in an epoll set.
GMEM_EXPORT int epoll_ctl(int set, int operation, int fd, epoll_event *event) noexcept
{
    return corrected(GMEM_NEXT(epoll_ctl)(set, operation, fd, event), set, fd, EINVAL, EPERM);
}

// No bytes go in or out but through windows.
GMEM_EXPORT ssize_t sendfile(int to, int from, off_t *offset, std::size_t count) noexcept
{
    return corrected(GMEM_NEXT(sendfile)(to, from, offset, count), from, to, offset ? ESPIPE : EINVAL, EINVAL);
}
GMEM_EXPORT ssize_t sendfile64(int to, int from, off64_t *offset, std::size_t count) noexcept
{
    return corrected(GMEM_NEXT(sendfile64)(to, from, offset, count), from, to, offset ? ESPIPE : EINVAL, EINVAL);
}
GMEM_EXPORT ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, std::size_t count, unsigned flags)
{
    return corrected(GMEM_NEXT(splice)(from, from_offset, to, to_offset, count, flags), from, to, EINVAL, EINVAL);
}
GMEM_EXPORT ssize_t tee(int from, int to, std::size_t count, unsigned flags) { return corrected(GMEM_NEXT(tee)(from, to, count, flags), from, to, EINVAL, EINVAL); }
GMEM_EXPORT ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, std::size_t count, unsigned flags)
{
    auto const err { is_gmem(from) && is_gmem(to) ? EINVAL : EXDEV };
    return corrected(GMEM_NEXT(copy_file_range)(from, from_offset, to, to_offset, count, flags), from, to, err, err);
}

GMEM_EXPORT int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags)
{
    preload::ErrnoKept kept;
    auto const result { GMEM_NEXT(sync_file_range)(fd, offset, count, flags) };
    return result == -1 && !(errno == EBADF && is_gmem(fd)) ? kept.failed_with(errno) : 0;
}

GMEM_EXPORT int fstatfs(int fd, struct statfs *out) noexcept { return presented(GMEM_NEXT(fstatfs)(fd, out), fd, out); }
GMEM_EXPORT int fstatfs64(int fd, struct statfs64 *out) noexcept { return presented(GMEM_NEXT(fstatfs64)(fd, out), fd, out); }

extern "C" {
ssize_t __readlink_chk(char const *, char *, std::size_t, std::size_t) noexcept;
ssize_t __readlinkat_chk(int, char const *, char *, std::size_t, std::size_t) noexcept;
}
GMEM_EXPORT ssize_t readlink(char const *path, char *text, std::size_t room) noexcept { return named(GMEM_NEXT(readlink)(path, text, room), path, text, room); }
GMEM_EXPORT ssize_t readlinkat(int folder, char const *path, char *text, std::size_t room) noexcept
{
    return named(GMEM_NEXT(readlinkat)(folder, path, text, room), path, text, room);
}
GMEM_EXPORT ssize_t __readlink_chk(char const *path, char *text, std::size_t room, std::size_t size) noexcept
{
    return named(GMEM_NEXT(__readlink_chk)(path, text, room, size), path, text, room);
}
GMEM_EXPORT ssize_t __readlinkat_chk(int folder, char const *path, char *text, std::size_t room, std::size_t size) noexcept
{
    return named(GMEM_NEXT(__readlinkat_chk)(folder, path, text, room, size), path, text, room);
}
