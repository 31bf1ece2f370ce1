#pragma once
// Runs one sequence.

#include "tests/generated/world.hpp"

namespace gmem::generated {

struct Difference final {
    std::size_t operation; // its index in the sequence; the sequence's size: found when everything was checked at the end
    std::string complaint;
};

// Performs the sequence in a fresh world.
std::optional<Difference> run(Subject &subject, Sequence const &list);

// The complaint, the operation that found it, and a test that repeats it.
std::string explain(Sequence const &list, Difference const &d);

} // namespace gmem::generated
