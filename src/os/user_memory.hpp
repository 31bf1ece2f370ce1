#pragma once
// The program's pointers, as a kernel sees them: any of them may be wrong, and that is EFAULT, never a crash.

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>

namespace gmem::os {

// Copies `size` bytes between our memory and an address that the program gave. EFAULT when any of it is not accessible; a part
// may have been copied then.
Status copy_from_program(void *to, std::uintptr_t from, std::size_t size) noexcept;
Status copy_to_program(std::uintptr_t to, void const *from, std::size_t size) noexcept;

} // namespace gmem::os
