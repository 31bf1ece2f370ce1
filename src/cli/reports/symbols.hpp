#pragma once
// What a program's files say of a code address: functions, those that were inlined there too, lines, and the code itself.

#include "cli/reports/report.hpp"

#include <elfutils/libdwfl.h>
#include <span>

namespace gmem::cli::reports {

// Appends the frames at `address`, innermost first; none where it is gmem's own library.
void name_frames(Dwfl *dwfl, std::uint64_t address, std::vector<CallFrame> &to);

// Bytes of the file that is mapped at `address`, from there to the end of its segment at most, as many as `to` has room for. 0: none is mapped there.
std::size_t read_file(Dwfl *dwfl, std::uint64_t address, std::span<std::byte> to);

} // namespace gmem::cli::reports
