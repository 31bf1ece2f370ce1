#pragma once
// What was expected against what was seen.

#include "player/stage.hpp"

namespace gmem::player {

struct Difference final {
    std::string what, expected, seen;
};

// nullopt: everything that was expected is there, and nothing failed that was not to fail.
std::optional<Difference> judge(Stage const &stage, scenario::Step const &step, Seen const &seen);

} // namespace gmem::player
