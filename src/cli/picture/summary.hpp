#pragma once
// The states over time where there are too many conversions to tell one by one: for each of a number of steps, how much of each touched piece is private
// at its end. Pieces are as small as the page has room for.

#include "cli/picture/packed.hpp"
#include "cli/picture/survey.hpp"

namespace gmem::cli::picture {

struct Summary final {
    static constexpr std::uint64_t steps { 512 };
    static constexpr std::uint64_t most_pieces { std::uint64_t { 1 } << 22 };
    static constexpr std::uint64_t most_records { 1'500'000 };
    static constexpr std::uint64_t all_private { 255 }; // of a level; 0 is all shared, between is mixed

    unsigned shift { 0 }; // a piece is 2^shift pages
    std::uint64_t count { 0 };
    // For each record: step and space as differences, first piece as a difference, pieces, level.
    Packed records {};

    static Summary of(TraceFile const &trace, Survey const &survey);
};

} // namespace gmem::cli::picture
