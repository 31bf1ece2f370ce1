#pragma once
// The time of events. libc's clock reads it without a system call; a thread that a seccomp filter restricts has it read by who may.

#include "os/clock.hpp"
#include "os/seccomp.hpp"

#include <ctime>

namespace gmem::observe {

inline std::uint64_t now() noexcept
{
    if (os::Restrictions::any()) [[unlikely]]
        return static_cast<std::uint64_t>(raw(os::now()));
    timespec t {};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

} // namespace gmem::observe
