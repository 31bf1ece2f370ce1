#pragma once
// Which trusted side the VMs of this process get, and how it answers what its vendor's texts leave open. Chosen once, before the first VM.

#include "platform/kind.hpp"
#include "platform/options.hpp"

namespace gmem::platform {

struct Choice final {
    std::optional<Kind> kind {}; // nullopt: each VM's by its type
    Options options {};

    static Choice current() noexcept;
    static void choose(Choice) noexcept;

    friend constexpr bool operator==(Choice, Choice) = default;
};

// "auto" or a name of kind.hpp, as --platform has it; nullopt: not a word that is known.
constexpr std::optional<Choice> choice_of(std::string_view word, Options options) noexcept
{
    if (word == "auto")
        return Choice { std::nullopt, options };
    if (auto const kind { kind_of(word) })
        return Choice { kind, options };
    return std::nullopt;
}

} // namespace gmem::platform
