#pragma once
// A file as a scenario. docs/scenarios.md is the form.

#include "scenario/scenario.hpp"

#include <string>

namespace gmem::scenario {

// Throws Refusal: file, line, one sentence.
Scenario parse(std::string const &file);

} // namespace gmem::scenario
