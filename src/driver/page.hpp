#pragma once
// The bytes of a page.

#include <array>
#include <cstddef>

namespace gmem::driver {

inline constexpr std::size_t page_size { 4096 };
using Page = std::array<std::byte, page_size>;

} // namespace gmem::driver
