#pragma once
// Files that are traces: gmem's log, or text. Throws Unusable.

#include "checker/trace.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gmem::checker {

// By its first bytes.
Trace read(std::span<std::byte const> file);

Trace read_log(std::span<std::byte const> file);

// Our text form, ftrace's lines of the events that docs/check.md defines, strace's lines; also mixed.
Trace read_text(std::string_view text);

} // namespace gmem::checker
