#pragma once
// Runs sequences: from a generator with shrinking, or one that was written down.

#include "tests/generated/world.hpp"

namespace gmem::generated {

struct Difference final {
    std::size_t operation; // its index in the sequence; the sequence's size: found when everything was checked at the end
    std::string complaint;
};

// Performs the sequence in a fresh world.
std::optional<Difference> run(Subject &subject, Sequence const &list);

// At least `count` operations from `seed`. What is found is shrunk and printed as a test; the exit status of a main().
int run_generated(Subject &subject, char const *what, std::uint64_t count, std::uint64_t seed);

// `program --count N --seed S`; the defaults are short. Returns run_generated()'s status.
int main_of(Subject &subject, char const *what, int argc, char **argv);

} // namespace gmem::generated
