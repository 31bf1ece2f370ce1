#pragma once
// --inject: words in, rules out; and rules in words again, with what they did. docs/inject.md.

#include "observe/faults.hpp"

#include <string>
#include <vector>

namespace gmem::cli {

// The words of the options, each KIND[:NAME=VALUE[,NAME=VALUE...]] or seed=N, into zeroed `faults`. Empty: done. Otherwise the sentence that says what is
// not known. Without a seed among them one is made up where a share asks for one.
std::string read_injections(std::vector<std::string> const &words, observe::Faults &faults);

// For the end: what repeats the run, and what struck how often. One line each.
std::vector<std::string> told_injections(observe::Faults const &faults);

} // namespace gmem::cli
