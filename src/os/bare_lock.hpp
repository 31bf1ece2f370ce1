#pragma once
// os::Mutex's protocol for bare threads, which may not call functions that could be instrumented.

#include "os/syscall.hpp"

#include <cstdint>
#include <linux/futex.h>

namespace gmem::os {

[[gnu::always_inline]] inline void bare_lock(std::uint32_t *word) noexcept
{
    std::uint32_t expected { 0 };
    if (__atomic_compare_exchange_n(word, &expected, 1u, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(word, 2u, __ATOMIC_ACQUIRE) != 0)
        bare_syscall(SYS_futex, reinterpret_cast<long>(word), FUTEX_WAIT, 2, 0);
}

[[gnu::always_inline]] inline void bare_unlock(std::uint32_t *word) noexcept
{
    if (__atomic_exchange_n(word, 0u, __ATOMIC_RELEASE) == 2)
        bare_syscall(SYS_futex, reinterpret_cast<long>(word), FUTEX_WAKE, 1);
}

} // namespace gmem::os
