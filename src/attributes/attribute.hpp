#pragma once
// Who may access a page.

#include <cstdint>

namespace gmem {

enum class Attribute : std::uint8_t { shared, private_ };

constexpr Attribute opposite(Attribute a) noexcept { return a == Attribute::shared ? Attribute::private_ : Attribute::shared; }
constexpr char const *name(Attribute a) noexcept { return a == Attribute::shared ? "shared" : "private"; }

} // namespace gmem
