#pragma once
// Who we are.

#include "os/syscall.hpp"

namespace gmem::os {

inline int process_id() noexcept { return static_cast<int>(system_call(SYS_getpid)); }

inline int thread_id() noexcept { return static_cast<int>(bare_syscall(SYS_gettid)); }

} // namespace gmem::os
