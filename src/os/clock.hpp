#pragma once
// Deadlines: monotonic time in nanoseconds, by system call.

#include "os/syscall.hpp"

#include <cstdint>
#include <ctime>
#include <linux/futex.h>

namespace gmem::os {

enum class Nanoseconds : std::int64_t {};
constexpr std::int64_t raw(Nanoseconds n) noexcept { return static_cast<std::int64_t>(n); }
constexpr Nanoseconds milliseconds(std::int64_t n) noexcept { return static_cast<Nanoseconds>(n * 1'000'000); }

inline Nanoseconds now() noexcept
{
    timespec t {};
    system_call(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return static_cast<Nanoseconds>(t.tv_sec * 1'000'000'000 + t.tv_nsec);
}

// Sleeps while *word == seen, at most `longest`. May return early; the caller looks again.
inline void wait_on(std::uint32_t const *word, std::uint32_t seen, Nanoseconds longest) noexcept
{
    timespec const t { raw(longest) / 1'000'000'000, raw(longest) % 1'000'000'000 };
    system_call(SYS_futex, word, FUTEX_WAIT, seen, &t, 0, 0);
}

inline void wake_one(std::uint32_t const *word) noexcept { system_call(SYS_futex, word, FUTEX_WAKE, 1, 0, 0, 0); }

} // namespace gmem::os
