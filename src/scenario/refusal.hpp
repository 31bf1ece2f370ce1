#pragma once
// What is wrong with a file: one sentence, with the place.

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace gmem::scenario {

class Refusal final : public std::runtime_error {
public:
    Refusal(std::string const &file, int line, std::string const &sentence)
        : std::runtime_error { line > 0 ? fmt::format("{}:{}: {}", file, line, sentence) : fmt::format("{}: {}", file, sentence) }
    {
    }
};

} // namespace gmem::scenario
