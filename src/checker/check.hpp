#pragma once
// Replays a trace against the executable specification.

#include "checker/trace.hpp"

namespace gmem::checker {

struct Broken final {
    Step step;
    std::string section;  // "2.2 (14)"
    std::string sentence; // what the specification says instead
};

struct Verdict final {
    std::optional<Broken> broken; // the first one; empty: all agree
    std::uint64_t compared { 0 };     // events that the specification was asked about
    std::uint64_t not_compared { 0 }; // events of which it says nothing
};

Verdict check(Trace const &trace);

} // namespace gmem::checker
