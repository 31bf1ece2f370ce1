#pragma once
// Where in a page its byte is kept: both ends, and a place in between.

#include "base/units.hpp"
#include "tests/generated/touch.hpp"

#include <array>

namespace gmem::generated {

inline constexpr std::array<std::uint64_t, 3> cells { 0, 1783, page_size - 1 };

constexpr std::uint64_t cell_in_page(std::uint64_t n) { return cells[n % cells.size()]; }

// Writes all of them; what the one with number `reported` met.
inline Touched write_cells(char *page, std::uint8_t value, std::size_t reported)
{
    Touched result;
    for (std::size_t i { 0 }; i < cells.size(); ++i)
        if (auto const t { touch_write(page + cells[i], value) }; i == reported)
            result = t;
    return result;
}

} // namespace gmem::generated
