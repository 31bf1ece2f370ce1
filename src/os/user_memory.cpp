#include "os/user_memory.hpp"

#include "os/syscall.hpp"

#include <cstring>
#include <sys/uio.h>

namespace gmem::os {
namespace {

// The kernel copies for us and says EFAULT instead of raising a signal. Where a filter forbids the call there is only the plain
// way, in which a bad pointer is a crash: no worse than any library function.
Status copy(long nr, iovec const &ours, iovec const &theirs) noexcept
{
    auto const pid { system_call(SYS_getpid) };
    auto const copied { system_call(nr, pid, &ours, 1, &theirs, 1, 0) };
    if (copied == static_cast<long>(ours.iov_len))
        return Ok {};
    if (copied == -ENOSYS || copied == -EPERM || copied == -EACCES) {
        if (nr == SYS_process_vm_readv)
            std::memcpy(ours.iov_base, theirs.iov_base, ours.iov_len);
        else
            std::memcpy(theirs.iov_base, ours.iov_base, ours.iov_len);
        return Ok {};
    }
    return Error::with_errno(EFAULT, "copy.program");
}

} // namespace

Status copy_from_program(void *to, std::uintptr_t from, std::size_t size) noexcept
{
    return copy(SYS_process_vm_readv, { to, size }, { reinterpret_cast<void *>(from), size });
}

Status copy_to_program(std::uintptr_t to, void const *from, std::size_t size) noexcept
{
    return copy(SYS_process_vm_writev, { const_cast<void *>(from), size }, { reinterpret_cast<void *>(to), size });
}

} // namespace gmem::os
