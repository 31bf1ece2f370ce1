// syscall(): the same gates by number. What is not here goes to the kernel as it is.

#include "preload/answer.hpp"
#include "preload/asynchronous.hpp"
#include "preload/forks.hpp"
#include "preload/next.hpp"
#include "preload/openat2.hpp"
#include "preload/policies.hpp"
#include "preload/ring_buffers.hpp"
#include "preload/seccomp.hpp"
#include "preload/signal_masks.hpp"

#include <cstdarg>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

using namespace gmem;

namespace {

template <typename T>
T *pointer(long v) noexcept
{
    return reinterpret_cast<T *>(v);
}
int number(long v) noexcept { return static_cast<int>(v); }
std::size_t size(long v) noexcept { return static_cast<std::size_t>(v); }

// The kernel's own shapes: masks of one word, a sigaction with a restorer.
long rt_sigprocmask(int how, std::uint64_t const *set, std::uint64_t *previous, std::size_t bytes) noexcept
{
    if (bytes != sizeof *set)
        return preload::refuse(EINVAL);
    sigset_t wide {}, before {};
    if (set)
        preload::set_first_word(wide, *set);
    auto const result { sigprocmask(how, set ? &wide : nullptr, &before) };
    if (result == 0 && previous)
        *previous = preload::first_word(before);
    return result;
}

long rt_sigaction(int signal, os::KernelSigaction const *next, os::KernelSigaction *previous, std::size_t bytes) noexcept
{
    using memory::Sigbus;
    if (bytes != sizeof next->mask)
        return preload::refuse(EINVAL);
    if (Sigbus::is_virtual(signal) && Sigbus::installed()) {
        Sigbus::exchange(signal, next, previous);
        return 0;
    }
    if (preload::Processor::owns(signal)) {
        preload::Processor::exchange(next, previous);
        return 0;
    }
    os::KernelSigaction real {};
    if (next) {
        real = *next;
        real.mask = preload::Processor::passable(Sigbus::to_kernel(next->mask));
    }
    auto const result { GMEM_NEXT(syscall)(SYS_rt_sigaction, signal, next ? &real : nullptr, previous, bytes) };
    if (result == 0 && previous)
        previous->mask = Sigbus::to_program(previous->mask);
    return result;
}

} // namespace

GMEM_EXPORT long syscall(long nr, ...) noexcept
{
    long a[6];
    std::va_list list;
    va_start(list, nr);
    for (auto &word : a)
        word = va_arg(list, long);
    va_end(list);

    switch (nr) {
    case SYS_ioctl:       return ioctl(number(a[0]), static_cast<unsigned long>(a[1]), pointer<void>(a[2]));
    case SYS_close:       return close(number(a[0]));
    case SYS_close_range: return close_range(static_cast<unsigned>(a[0]), static_cast<unsigned>(a[1]), number(a[2]));
    case SYS_dup:         return dup(number(a[0]));
    case SYS_dup2:        return dup2(number(a[0]), number(a[1]));
    case SYS_dup3:        return dup3(number(a[0]), number(a[1]), number(a[2]));
    case SYS_fcntl:       return fcntl(number(a[0]), number(a[1]), a[2]);
    case SYS_open:        return open(pointer<char>(a[0]), number(a[1]), static_cast<mode_t>(a[2]));
    case SYS_openat:      return openat(number(a[0]), pointer<char>(a[1]), number(a[2]), static_cast<mode_t>(a[3]));
    case SYS_mmap:        return reinterpret_cast<long>(mmap(pointer<void>(a[0]), size(a[1]), number(a[2]), number(a[3]), number(a[4]), a[5]));
    case SYS_munmap:      return munmap(pointer<void>(a[0]), size(a[1]));
    case SYS_mremap:      return reinterpret_cast<long>(mremap(pointer<void>(a[0]), size(a[1]), size(a[2]), number(a[3]), pointer<void>(a[4])));
    case SYS_mprotect:    return mprotect(pointer<void>(a[0]), size(a[1]), number(a[2]));
    case SYS_madvise:     return madvise(pointer<void>(a[0]), size(a[1]), number(a[2]));
    case SYS_mlock:       return mlock(pointer<void>(a[0]), size(a[1]));
    case SYS_munlock:     return munlock(pointer<void>(a[0]), size(a[1]));
    case SYS_mlockall:    return mlockall(number(a[0]));
    case SYS_munlockall:  return munlockall();
    case SYS_mlock2:      return mlock2(pointer<void>(a[0]), size(a[1]), static_cast<unsigned>(a[2]));
    case SYS_fallocate:   return fallocate(number(a[0]), number(a[1]), a[2], a[3]);
    case SYS_ftruncate:   return ftruncate(number(a[0]), a[1]);
    case SYS_fstat:       return fstat(number(a[0]), pointer<struct stat>(a[1]));
    case SYS_lseek:       return lseek(number(a[0]), a[1], number(a[2]));
    case SYS_read:        return read(number(a[0]), pointer<void>(a[1]), size(a[2]));
    case SYS_write:       return write(number(a[0]), pointer<void>(a[1]), size(a[2]));
    case SYS_pread64:     return pread(number(a[0]), pointer<void>(a[1]), size(a[2]), a[3]);
    case SYS_pwrite64:    return pwrite(number(a[0]), pointer<void>(a[1]), size(a[2]), a[3]);
    case SYS_readv:       return readv(number(a[0]), pointer<iovec>(a[1]), number(a[2]));
    case SYS_writev:      return writev(number(a[0]), pointer<iovec>(a[1]), number(a[2]));
    case SYS_preadv:      return preadv(number(a[0]), pointer<iovec>(a[1]), number(a[2]), a[3]);
    case SYS_pwritev:     return pwritev(number(a[0]), pointer<iovec>(a[1]), number(a[2]), a[3]);
    case SYS_preadv2:     return preadv2(number(a[0]), pointer<iovec>(a[1]), number(a[2]), a[3], number(a[5]));
    case SYS_pwritev2:    return pwritev2(number(a[0]), pointer<iovec>(a[1]), number(a[2]), a[3], number(a[5]));
    case SYS_recvfrom:    return recvfrom(number(a[0]), pointer<void>(a[1]), size(a[2]), number(a[3]), pointer<sockaddr>(a[4]), pointer<socklen_t>(a[5]));
    case SYS_sendto:      return sendto(number(a[0]), pointer<void>(a[1]), size(a[2]), number(a[3]), pointer<sockaddr>(a[4]), static_cast<socklen_t>(a[5]));
    case SYS_recvmsg:     return recvmsg(number(a[0]), pointer<msghdr>(a[1]), number(a[2]));
    case SYS_sendmsg:     return sendmsg(number(a[0]), pointer<msghdr>(a[1]), number(a[2]));
    case SYS_vmsplice:    return vmsplice(number(a[0]), pointer<iovec>(a[1]), size(a[2]), static_cast<unsigned>(a[3]));
    case SYS_getrandom:   return getrandom(pointer<void>(a[0]), size(a[1]), static_cast<unsigned>(a[2]));
    case SYS_newfstatat:  return fstatat(number(a[0]), pointer<char>(a[1]), pointer<struct stat>(a[2]), number(a[3]));
    case SYS_statx:       return statx(number(a[0]), pointer<char>(a[1]), number(a[2]), static_cast<unsigned>(a[3]), pointer<struct statx>(a[4]));
    case SYS_utimensat:   return pointer<char>(a[1]) ? utimensat(number(a[0]), pointer<char>(a[1]), pointer<timespec>(a[2]), number(a[3])) : futimens(number(a[0]), pointer<timespec>(a[2]));
    case SYS_fchmod:      return fchmod(number(a[0]), static_cast<mode_t>(a[1]));
    case SYS_fchown:      return fchown(number(a[0]), static_cast<uid_t>(a[1]), static_cast<gid_t>(a[2]));
    case SYS_fsync:       return fsync(number(a[0]));
    case SYS_fdatasync:   return fdatasync(number(a[0]));
    case SYS_flock:       return flock(number(a[0]), number(a[1]));
    case SYS_msync:       return msync(pointer<void>(a[0]), size(a[1]), number(a[2]));
    case SYS_pkey_mprotect: return pkey_mprotect(pointer<void>(a[0]), size(a[1]), number(a[2]), number(a[3]));
    case SYS_remap_file_pages: return remap_file_pages(pointer<void>(a[0]), size(a[1]), number(a[2]), size(a[3]), number(a[4]));
    case SYS_seccomp:     return preload::seccomp(a[0], a[1], pointer<void>(a[2]));
    case SYS_prctl:       return prctl(number(a[0]), a[1], a[2], a[3], a[4]);
    case SYS_rt_sigprocmask: return rt_sigprocmask(number(a[0]), pointer<std::uint64_t>(a[1]), pointer<std::uint64_t>(a[2]), size(a[3]));
    case SYS_rt_sigaction: return rt_sigaction(number(a[0]), pointer<os::KernelSigaction>(a[1]), pointer<os::KernelSigaction>(a[2]), size(a[3]));
    case 437:             return preload::openat2(number(a[0]), pointer<char>(a[1]), pointer<std::uint64_t>(a[2]), size(a[3]));
    case SYS_poll:        return poll(pointer<pollfd>(a[0]), size(a[1]), number(a[2]));
    case SYS_mbind:         return gmem::preload::mbind_any(a);
    case SYS_get_mempolicy: return gmem::preload::get_mempolicy_any(a);
    case SYS_fork:
    case SYS_clone:
    case SYS_clone3:        return gmem::preload::fork_by_number(nr, a);
    case SYS_io_uring_register: return gmem::preload::io_uring_register_any(a);
    case SYS_io_uring_setup:    return gmem::preload::io_uring_setup_any(a);
    case SYS_io_submit:    return gmem::preload::io_submit_any(a);
    case SYS_io_getevents:
    case SYS_io_pgetevents:
    case SYS_io_cancel:    return gmem::preload::io_reap_any(nr, a);
    case SYS_io_destroy:   return gmem::preload::io_destroy_any(a);
    case SYS_recvmmsg:     return recvmmsg(number(a[0]), pointer<mmsghdr>(a[1]), static_cast<unsigned>(a[2]), number(a[3]), pointer<timespec>(a[4]));
    case SYS_sendmmsg:     return sendmmsg(number(a[0]), pointer<mmsghdr>(a[1]), static_cast<unsigned>(a[2]), number(a[3]));
    default:
        return GMEM_NEXT(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
}
