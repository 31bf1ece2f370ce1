#pragma once
// One step: its operation, what it is told, what is expected.

#include "scenario/scenario.hpp"
#include "scenario/yaml.hpp"

namespace gmem::scenario {

// The scenario's memories are known already.
Step parse_step(Yaml const &y, Scenario const &of);

} // namespace gmem::scenario
