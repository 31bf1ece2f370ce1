#pragma once
// What a code address is called: functions, those that were inlined there too, and lines.

#include "cli/reports/report.hpp"

#include <elfutils/libdwfl.h>

namespace gmem::cli::reports {

// Appends the frames at `address`, innermost first; none where it is gmem's own library.
void name_frames(Dwfl *dwfl, std::uint64_t address, std::vector<CallFrame> &to);

} // namespace gmem::cli::reports
