#pragma once
// Words of a scenario and the numbers that they stand for: one table a kind, read in both directions.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gmem::scenario {

struct Name final {
    std::string_view word;
    std::uint64_t number;
};

std::span<Name const> error_names() noexcept;    // errno; "none": 0
std::span<Name const> status_names() noexcept;   // `status` of a guest operation; "ok": 0
std::span<Name const> firmware_names() noexcept; // SEV firmware; "SUCCESS": 0
std::span<Name const> mode_names() noexcept;     // flags of a conversion

std::optional<std::uint64_t> number_of(std::span<Name const> names, std::string_view word) noexcept;

// The word, or the number in hexadecimal.
std::string word_for(std::span<Name const> names, std::uint64_t number);

// "a, b or c"
std::string choice(std::span<Name const> names);

} // namespace gmem::scenario
