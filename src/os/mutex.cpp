#include "os/mutex.hpp"

#include "os/syscall.hpp"

#include <linux/futex.h>

namespace gmem::os {

void Mutex::lock_contended() noexcept
{
    // Most holders are done within microseconds: look a few times before going to sleep.
    for (int i { 0 }; i < 100; ++i) {
        std::uint32_t expected { free };
        if (state_.compare_exchange_weak(expected, held, std::memory_order_acquire))
            return;
        __builtin_ia32_pause();
    }
    while (state_.exchange(contended, std::memory_order_acquire) != free)
        system_call(SYS_futex, &state_, FUTEX_WAIT, contended, 0, 0, 0);
}

void Mutex::wake_one() noexcept { system_call(SYS_futex, &state_, FUTEX_WAKE, 1, 0, 0, 0); }

} // namespace gmem::os
