#pragma once
// Who we are, and whether the holder of a robust futex word is still there.

#include "os/syscall.hpp"

#include <cstdint>
#include <linux/futex.h>

namespace gmem::os {

inline int process_id() noexcept { return static_cast<int>(system_call(SYS_getpid)); }

// The kernel sets FUTEX_OWNER_DIED in the word when its holder exits, is killed or execs.
constexpr bool holder_lives(std::uint32_t liveness_word) noexcept
{
    return (liveness_word & FUTEX_TID_MASK) != 0 && !(liveness_word & FUTEX_OWNER_DIED);
}

} // namespace gmem::os
