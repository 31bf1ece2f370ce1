#pragma once
// Facts about this host that decide policy. Each is asked once and costs a few system calls.

#include <cstddef>
#include <cstdint>

namespace gmem::os {

enum class Swap : bool { unreachable, reachable };

// Can pages of this process go to swap now? No swap device in use, or the own cgroup's swap limit is 0: unreachable.
// When the answer cannot be had it is "reachable": the safe one.
Swap swap_of_this_process() noexcept;

// vm.max_map_count; 65530 when it cannot be read.
std::size_t most_mappings() noexcept;

// RLIMIT_MEMLOCK of this process in bytes.
std::uint64_t lockable_bytes() noexcept;

// Reads a small file whole (cut at size - 1) and terminates it. Returns the length, or -errno.
long read_small_file(char const *path, char *buffer, std::size_t size) noexcept;

} // namespace gmem::os
