#pragma once
// What a trace does not say could be this or that: the worlds that agree with what it did say.

#include "checker/file_model.hpp"
#include "checker/trace.hpp"
#include "spec/state.hpp"

#include <vector>

namespace gmem::checker {

struct Possible final {
    spec::VmRules vm;
    std::uint64_t size;
};

std::vector<Possible> possible_worlds(FileModel const &file, Facts const &facts);

} // namespace gmem::checker
