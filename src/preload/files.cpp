// What a guest_memfd answers to the calls of a file (specification 4.4). The descriptor behind is O_PATH: whatever is not here
// gets EBADF from the kernel, never memory.

#include "kvm/guest_memfd.hpp"
#include "os/file_calls.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

using namespace gmem;
using preload::GmemOf;

namespace {

bool is_gmem(int fd) noexcept { return bool(GmemOf { fd }); }

// A regular file of mode 0600 whose blocks nobody accounts.
void present(struct stat &s, memory::GuestMemory const &g) noexcept
{
    s.st_size = static_cast<off_t>(raw(g.size())); // the file behind holds more than the guest's pages
    s.st_mode = S_IFREG | 0600;
    s.st_nlink = 1;
    s.st_blocks = 0;
    s.st_blksize = page_size;
}

void present(struct statx &s, memory::GuestMemory const &g) noexcept
{
    s.stx_size = raw(g.size());
    s.stx_mode = S_IFREG | 0600;
    s.stx_nlink = 1;
    s.stx_blocks = 0;
    s.stx_blksize = page_size;
}

int no_position(int whence) noexcept { return whence < SEEK_SET || whence > SEEK_HOLE ? EINVAL : ESPIPE; }

bool asks_for_the_descriptor(char const *path, int flags) noexcept { return path && *path == '\0' && (flags & AT_EMPTY_PATH); }

int fallocate_any(int fd, int mode, off_t offset, off_t length) noexcept
{
    if (GmemOf const g { fd }; g)
        return preload::answer(kvm::guest_memfd_fallocate(*g, mode, offset, length));
    return GMEM_NEXT(fallocate)(fd, mode, offset, length);
}

// posix_fallocate asks for mode 0, which a guest_memfd does not know; libc then tries to write bytes, which have no place. It
// returns the error.
int posix_fallocate_any(int fd, off_t offset, off_t length) noexcept
{
    if (is_gmem(fd))
        return offset < 0 || length <= 0 ? EINVAL : ESPIPE;
    return GMEM_NEXT(posix_fallocate)(fd, offset, length);
}

} // namespace

GMEM_EXPORT int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate_any(fd, mode, offset, length); }
GMEM_EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate_any(fd, mode, offset, length); }
GMEM_EXPORT int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate_any(fd, offset, length); }
GMEM_EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate_any(fd, offset, length); }

// The size of a guest_memfd never changes, nor do its owner and mode: no setattr of any kind.
GMEM_EXPORT int ftruncate(int fd, off_t length) noexcept { return is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(ftruncate)(fd, length); }
GMEM_EXPORT int ftruncate64(int fd, off64_t length) noexcept { return is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(ftruncate64)(fd, length); }
GMEM_EXPORT int fchmod(int fd, mode_t mode) noexcept { return is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(fchmod)(fd, mode); }
GMEM_EXPORT int fchown(int fd, uid_t owner, gid_t group) noexcept { return is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(fchown)(fd, owner, group); }
GMEM_EXPORT int futimens(int fd, const timespec times[2]) noexcept { return is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(futimens)(fd, times); }
GMEM_EXPORT int futimes(int fd, const timeval times[2]) noexcept { return is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(futimes)(fd, times); }
GMEM_EXPORT int utimensat(int fd, char const *path, const timespec times[2], int flags) noexcept
{
    return (!path || asks_for_the_descriptor(path, flags)) && is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(utimensat)(fd, path, times, flags);
}
GMEM_EXPORT int fchownat(int fd, char const *path, uid_t owner, gid_t group, int flags) noexcept
{
    return asks_for_the_descriptor(path, flags) && is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(fchownat)(fd, path, owner, group, flags);
}

// Nothing to write back to.
GMEM_EXPORT int fsync(int fd) { return is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(fsync)(fd); }
GMEM_EXPORT int fdatasync(int fd) { return is_gmem(fd) ? preload::refuse(EINVAL) : GMEM_NEXT(fdatasync)(fd); }
GMEM_EXPORT off_t lseek(int fd, off_t offset, int whence) noexcept { return is_gmem(fd) ? preload::refuse<off_t>(no_position(whence)) : GMEM_NEXT(lseek)(fd, offset, whence); }
GMEM_EXPORT off64_t lseek64(int fd, off64_t offset, int whence) noexcept { return is_gmem(fd) ? preload::refuse<off64_t>(no_position(whence)) : GMEM_NEXT(lseek64)(fd, offset, whence); }

GMEM_EXPORT int fstat(int fd, struct stat *out) noexcept
{
    auto const result { GMEM_NEXT(fstat)(fd, out) };
    if (result == 0)
        if (GmemOf const g { fd }; g)
            present(*out, *g);
    return result;
}
GMEM_EXPORT int fstat64(int fd, struct stat64 *out) noexcept
{
    static_assert(sizeof(struct stat64) == sizeof(struct stat));
    auto const result { GMEM_NEXT(fstat64)(fd, out) };
    if (result == 0)
        if (GmemOf const g { fd }; g)
            present(*reinterpret_cast<struct stat *>(out), *g);
    return result;
}
GMEM_EXPORT int fstatat(int fd, char const *path, struct stat *out, int flags) noexcept
{
    auto const result { GMEM_NEXT(fstatat)(fd, path, out, flags) };
    if (result == 0 && asks_for_the_descriptor(path, flags))
        if (GmemOf const g { fd }; g)
            present(*out, *g);
    return result;
}
GMEM_EXPORT int fstatat64(int fd, char const *path, struct stat64 *out, int flags) noexcept
{
    auto const result { GMEM_NEXT(fstatat64)(fd, path, out, flags) };
    if (result == 0 && asks_for_the_descriptor(path, flags))
        if (GmemOf const g { fd }; g)
            present(*reinterpret_cast<struct stat *>(out), *g);
    return result;
}
GMEM_EXPORT int statx(int fd, char const *path, int flags, unsigned mask, struct statx *out) noexcept
{
    auto const result { GMEM_NEXT(statx)(fd, path, flags, mask, out) };
    if (result == 0 && asks_for_the_descriptor(path, flags))
        if (GmemOf const g { fd }; g)
            present(*out, *g);
    return result;
}
// Programs built against glibc before 2.33 ask like this.
extern "C" int __fxstat(int, int, struct stat *) noexcept;
extern "C" int __fxstat64(int, int, struct stat64 *) noexcept;
GMEM_EXPORT int __fxstat(int version, int fd, struct stat *out) noexcept
{
    auto const result { GMEM_NEXT(__fxstat)(version, fd, out) };
    if (result == 0)
        if (GmemOf const g { fd }; g)
            present(*out, *g);
    return result;
}
GMEM_EXPORT int __fxstat64(int version, int fd, struct stat64 *out) noexcept
{
    auto const result { GMEM_NEXT(__fxstat64)(version, fd, out) };
    if (result == 0)
        if (GmemOf const g { fd }; g)
            present(*reinterpret_cast<struct stat *>(out), *g);
    return result;
}
