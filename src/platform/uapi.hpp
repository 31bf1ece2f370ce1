#pragma once
// The versions of the proposal, and what a caller may ask of the contents of the pages that a conversion covers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gmem::platform {

// Newest first. mainline: as it is reported merged (specification, section 9, wherever it differs from v8). v8: 19 June 2026. may1: the mail of
// 1 May 2026, on top of rfc_v5 (28 April). rfc_v4: the slides of 19 March. feb: the mails of 24 February.
enum class Uapi : std::uint8_t { mainline, v8, may1, rfc_v5, rfc_v4, feb };
inline constexpr std::array all_uapis { Uapi::mainline, Uapi::v8, Uapi::may1, Uapi::rfc_v5, Uapi::rfc_v4, Uapi::feb };

// As it is written in --uapi and in the docs.
constexpr std::string_view name_of(Uapi u) noexcept
{
    switch (u) {
    case Uapi::mainline: return "mainline";
    case Uapi::v8:       return "v8";
    case Uapi::may1:     return "may1";
    case Uapi::rfc_v5:   return "rfc-v5";
    case Uapi::rfc_v4:   return "rfc-v4";
    case Uapi::feb:      return "feb";
    }
    __builtin_unreachable();
}

constexpr std::optional<Uapi> uapi_of(std::string_view name) noexcept
{
    for (auto const u : all_uapis)
        if (name_of(u) == name)
            return u;
    return std::nullopt;
}

// preserve is what the February mail calls READABLE; encrypted exists there alone. unspecified is what a caller says with flags == 0.
enum class ContentMode : std::uint8_t { unspecified, zero, preserve, encrypted };
inline constexpr std::array all_content_modes { ContentMode::unspecified, ContentMode::zero, ContentMode::preserve, ContentMode::encrypted };

constexpr std::string_view name_of(ContentMode m) noexcept
{
    switch (m) {
    case ContentMode::unspecified: return "unspecified";
    case ContentMode::zero:        return "zero";
    case ContentMode::preserve:    return "preserve";
    case ContentMode::encrypted:   return "encrypted";
    }
    __builtin_unreachable();
}

} // namespace gmem::platform
