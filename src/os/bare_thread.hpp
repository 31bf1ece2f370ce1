#pragma once
// A thread of this process without libc, TLS or signals: for work that must not be seen by the program, nor see it.

#include "base/result.hpp"

namespace gmem::os {

// Runs `function(argument)`, which never returns, on a small stack of its own. The function may make bare system calls and touch
// plain memory; nothing that it runs may be instrumented. Signals must be blocked by the caller: the thread inherits that for ever.
Status start_bare_thread(void (*function)(void *) noexcept, void *argument) noexcept;

} // namespace gmem::os
