#pragma once
// Generated sequences, as many as are asked for, with shrinking.

#include "tests/generated/subject.hpp"

namespace gmem::generated {

// At least `count` operations from `seed`. What is found is shrunk and printed as a test; the exit status of a main().
int run_generated(Subject &subject, char const *what, std::uint64_t count, std::uint64_t seed);

// `program --count N --seed S`; the defaults are short. Returns run_generated()'s status.
int main_of(Subject &subject, char const *what, int argc, char **argv);

} // namespace gmem::generated
