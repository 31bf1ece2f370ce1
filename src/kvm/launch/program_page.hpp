#pragma once
// A copy of one page of the program's memory, as the kernel's pin of it would show it: a private page of a window is no memory at all, and one
// that the kernel has dropped from a window is brought back.

#include "base/units.hpp"

#include <cstddef>
#include <cstdint>

namespace gmem::kvm::launch {

class ProgramPage final {
public:
    // False: EFAULT. Without any lock of memory/.
    [[nodiscard]] bool read(std::uintptr_t address) noexcept;
    [[nodiscard]] bool write_back(std::uintptr_t address) const noexcept;

    std::byte *bytes() noexcept { return bytes_; }

private:
    alignas(page_size) std::byte bytes_[page_size];
};

// Structures of the program's: the same for any size.
[[nodiscard]] bool take(void *to, std::uintptr_t from, std::size_t size) noexcept;
[[nodiscard]] bool give(std::uintptr_t to, void const *from, std::size_t size) noexcept;

} // namespace gmem::kvm::launch
