#pragma once
// The trusted sides that are modelled.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gmem::platform {

enum class Kind : std::uint8_t { sw_protected, snp, tdx, pkvm, cca };
inline constexpr std::array all_kinds { Kind::sw_protected, Kind::snp, Kind::tdx, Kind::pkvm, Kind::cca };

// As it is written in --platform and in the docs.
constexpr std::string_view name_of(Kind k) noexcept
{
    switch (k) {
    case Kind::sw_protected: return "sw_protected";
    case Kind::snp:          return "snp";
    case Kind::tdx:          return "tdx";
    case Kind::pkvm:         return "pkvm";
    case Kind::cca:          return "cca";
    }
    __builtin_unreachable();
}

constexpr std::optional<Kind> kind_of(std::string_view name) noexcept
{
    for (auto const k : all_kinds)
        if (name_of(k) == name)
            return k;
    return std::nullopt;
}

} // namespace gmem::platform
