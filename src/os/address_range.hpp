#pragma once
// A range of host virtual addresses of this process.

#include "base/units.hpp"

#include <cstdint>

namespace gmem::os {

// Half-open [begin, end), page aligned at both ends by those who make one. Not dereferenceable: access goes through os/.
struct AddressRange final {
    std::uintptr_t begin { 0 };
    std::uintptr_t end { 0 };

    constexpr std::size_t length() const noexcept { return end - begin; }
    constexpr bool empty() const noexcept { return begin >= end; }
    constexpr bool contains(std::uintptr_t a) const noexcept { return begin <= a && a < end; }
    constexpr bool overlaps(AddressRange o) const noexcept { return begin < o.end && o.begin < end; }
    constexpr AddressRange intersect(AddressRange o) const noexcept
    {
        return { begin > o.begin ? begin : o.begin, end < o.end ? end : o.end };
    }
    friend constexpr bool operator==(AddressRange, AddressRange) = default;
};

} // namespace gmem::os
