#pragma once
// The words of --platform-option and --uapi-option, NAME=VALUE, and what they set. One table each: docs/profiles.md and docs/platforms.md.

#include "platform/options.hpp"
#include "platform/profile.hpp"

#include <span>

namespace gmem::platform {

template <typename T>
struct Word final {
    std::string_view name, value; // `value`: as the user writes it, or what stands for any number from 1 to `most`
    void (*set)(T &) noexcept;
    void (*set_number)(T &, unsigned) noexcept { nullptr };
    unsigned most { 0 };
};

std::span<Word<Options> const> option_words() noexcept;
std::span<Word<Profile> const> profile_words() noexcept;

// Comma-separated words, applied in their order to what is given; an empty list is none. The first word that is not in the table, or nothing: then
// the others before it have been applied. Empty words between commas are not words.
std::optional<std::string_view> apply_words(std::string_view list, Options &) noexcept;
std::optional<std::string_view> apply_words(std::string_view list, Profile &) noexcept;

// What a version's own text says about the options; where it is silent, the defaults of options.hpp. February and March 2026: a conversion that the
// guest has not asked for is refused on pKVM, and a bad access brings the host down (platform-models.md 3.2, 3.3). Before June 2026 EL2 takes a shared
// page back after the conversion (7.6, 7).
Options options_of(Uapi) noexcept;

} // namespace gmem::platform
