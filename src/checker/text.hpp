#pragma once
// Our text form: one event a line, KIND NAME=VALUE... (docs/check.md). What is 0 is left out.

#include "checker/trace.hpp"

#include <string>
#include <string_view>

namespace gmem::checker {

std::string to_text(Facts const &facts, std::uint64_t missing);
std::string to_text(Step const &s);

// "convert ..."; throws Unusable.
Step step_from_text(std::string_view line, std::uint64_t line_number);

std::optional<observe::Kind> kind_named(std::string_view name);

} // namespace gmem::checker
