#pragma once
// The calls that close a window, for bare threads. Results are the kernel's.

#include "os/linux_abi.hpp"
#include "os/syscall.hpp"

#include <cerrno>
#include <sys/ioctl.h>

namespace gmem::os {

// os::zap()
[[gnu::always_inline]] inline long bare_zap(std::uint64_t address, std::uint64_t length) noexcept
{
    auto result { bare_syscall(SYS_madvise, static_cast<long>(address), static_cast<long>(length), madv_dontneed_locked) };
    if (result == -EINVAL) { // before 5.18
        bare_syscall(SYS_munlock, static_cast<long>(address), static_cast<long>(length));
        result = bare_syscall(SYS_madvise, static_cast<long>(address), static_cast<long>(length), MADV_DONTNEED);
    }
    return result;
}

// os::register_range()
[[gnu::always_inline]] inline long bare_register(int userfaultfd, std::uint64_t address, std::uint64_t length) noexcept
{
    uffdio_register request { .range = { address, length }, .mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR, .ioctls = 0 };
    return bare_syscall(SYS_ioctl, userfaultfd, UFFDIO_REGISTER, reinterpret_cast<long>(&request));
}

// Covers a range with a mapping of a file of length zero: every access past its end is SIGBUS.
[[gnu::always_inline]] inline long bare_cover(int empty_file, std::uint64_t address, std::uint64_t length, int protection, std::uint64_t offset) noexcept
{
    auto const result { bare_syscall(SYS_mmap, static_cast<long>(address), static_cast<long>(length), protection, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, empty_file, static_cast<long>(offset)) };
    return result < 0 && result >= -4095 ? result : bare_syscall(SYS_madvise, static_cast<long>(address), static_cast<long>(length), MADV_DONTFORK);
}

} // namespace gmem::os
