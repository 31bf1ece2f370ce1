// A system call of gmem's by a thread that the program restricted: made by the thread itself where its filters allow it, otherwise by the
// helper, which shares everything with it but the descriptor table and the signal mask.

#include "base/text.hpp"
#include "os/helper.hpp"
#include "os/syscall.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/futex.h>

namespace gmem::os {
namespace {

long by_helper(long nr, long const (&a)[6]) noexcept
{
    return Helper::running() ? Helper::ask_directly(nr, a) : -EPERM;
}

// The helper's table is another one: it looks into ours.
long fstat_by_helper(long fd, long out) noexcept
{
    char path[64];
    Text { path } << "/proc/self/fd/" << static_cast<int>(fd);
    long const a[6] { AT_FDCWD, reinterpret_cast<long>(&path), out, 0, 0, 0 };
    return by_helper(SYS_newfstatat, a);
}

// A futex with priority inheritance that nobody holds is the caller's at once, and the kernel writes the caller's number there. It keeps no
// record of that, so the word may go as it came.
long thread_id_by_futex() noexcept
{
    std::uint32_t word { 0 };
    long const a[6] { reinterpret_cast<long>(&word), FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0 };
    if (!Restrictions::permitted(SYS_futex, a))
        return -EPERM;
    auto const result { bare_syscall(SYS_futex, a[0], a[1], 0, 0) };
    return failed(result) ? result : static_cast<long>(word & FUTEX_TID_MASK);
}

// Into the kernel and out again, where pending signals are delivered: a futex that has not the value that it is waited for with.
long enter_kernel_by_futex() noexcept
{
    std::uint32_t word { 0 };
    bare_syscall(SYS_futex, reinterpret_cast<long>(&word), FUTEX_WAIT_PRIVATE, 1, 0);
    return 0;
}

} // namespace

constinit int own_process_id { 0 };

long restricted_call(long nr, long const (&a)[6]) noexcept
{
    // futex is what everything else rests on: nobody can be asked without it.
    if (nr == SYS_futex || Restrictions::permitted(nr, a))
        return bare_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    switch (nr) {
    case SYS_getpid:
        return own_process_id;
    case SYS_gettid:
        return thread_id_by_futex();
    case SYS_sched_yield:
        return enter_kernel_by_futex();
    case SYS_rt_sigprocmask: // nobody can do that for us: signals may come in between
        return 0;
    case SYS_fstat:
        return fstat_by_helper(a[0], a[1]);
    case SYS_mmap:
        return a[3] & 0x20 /* MAP_ANONYMOUS */ ? by_helper(nr, a) : -EPERM;
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_madvise:
    case SYS_mlock:
    case SYS_munlock:
    case SYS_rt_sigaction:
    case SYS_rt_sigqueueinfo:
    case SYS_rt_tgsigqueueinfo:
    case SYS_process_vm_readv:
    case SYS_process_vm_writev:
        return by_helper(nr, a);
    default: // it speaks of descriptors or of the thread itself
        return -EPERM;
    }
}

} // namespace gmem::os
