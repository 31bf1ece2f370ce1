#pragma once
// openat2 as syscall() makes it: libc has no function of that name.

#include <cstddef>
#include <cstdint>

namespace gmem::preload {

// libc's way of answering. `how` begins with the flags.
long openat2(int directory, char const *path, std::uint64_t const *how, std::size_t size);

} // namespace gmem::preload
