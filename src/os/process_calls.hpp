#pragma once
// Who we are, and whether others are there.

#include "os/syscall.hpp"

#include <cerrno>

namespace gmem::os {

inline int process_id() noexcept { return static_cast<int>(system_call(SYS_getpid)); }

inline int thread_id() noexcept { return static_cast<int>(bare_syscall(SYS_gettid)); }

// Nobody has this number. A process that has ended and was not waited for is still there.
inline bool is_gone(long pid) noexcept { return system_call(SYS_kill, pid, 0) == -ESRCH; }

} // namespace gmem::os
