#pragma once
// The page itself: what was found in a trace, as JSON and packed numbers, in the frame that page/ has.

#include "cli/picture/events.hpp"
#include "cli/picture/figures.hpp"
#include "cli/picture/heat.hpp"
#include "cli/picture/summary.hpp"

namespace gmem::cli::picture {

// The files of page/, as the build put them into the executable.
struct PageText final {
    static std::string_view const html, style, script;
};

struct Findings final {
    std::string name; // of the trace's file
    TraceFile const &trace;
    Survey const &survey;
    Events const &events;
    std::optional<Summary> const &summary; // where not every event is there
    Figures const &figures;
    std::vector<Hot> const &hottest;
};

// In a file of its own: the JSON library is the slowest header here. Free of "<": it stands in a script element.
std::string facts_as_json(Findings const &f);

std::string page_of(Findings const &f);

} // namespace gmem::cli::picture
