#pragma once
// fork and clone by number, as test harnesses make them: what libc's fork does for gmem is done here.

namespace gmem::preload {

// Around every fork: what the child has to know about itself. A fork handler.
void process_is_this() noexcept;
void in_child() noexcept;

// syscall(SYS_fork | SYS_clone | SYS_clone3): libc's way of answering.
long fork_by_number(long nr, long *arguments) noexcept;

} // namespace gmem::preload
