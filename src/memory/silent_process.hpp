#pragma once
// One line about a process that keeps the others waiting: it is stopped, most likely, and only a person can know why.

#include "os/clock.hpp"

namespace gmem::memory {

// "... : process 123 DEED within 100 ms". Once for each process that is found so: a retry loop must not fill the terminal.
// The event is about `file` (an inode), each time.
void report_silent_process(std::uint64_t file, int pid, char const *deed, os::Nanoseconds waited) noexcept;

} // namespace gmem::memory
