#pragma once
// seccomp() as syscall() makes it: libc has no function of that name.

namespace gmem::preload {

// libc's way of answering.
long seccomp(long operation, long flags, void *argument) noexcept;

} // namespace gmem::preload
