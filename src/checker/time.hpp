#pragma once
// When things happened, as far as a trace can say: somewhere between two moments. Of two that overlap nobody knows the order.

#include <cstdint>

namespace gmem::checker {

struct Span final {
    std::uint64_t begin { 0 }, end { 0 }; // both included

    bool before(Span o) const { return end < o.begin; }
    bool overlaps(Span o) const { return !before(o) && !o.before(*this); }
};

inline constexpr std::uint64_t never { ~std::uint64_t { 0 } };

} // namespace gmem::checker
