#pragma once
// Lines of the kernel's own tracing, of the events that docs/check.md defines: "COMM-PID [CPU] FLAGS SECONDS: gmem_KIND: (WHERE) NAME=VALUE...".

#include "checker/trace.hpp"

#include <string_view>

namespace gmem::checker {

// False: it is no such line. Lines of other events, and of other ioctls, are taken and say nothing.
bool ftrace_line(Trace &t, std::string_view line, std::uint64_t number);

} // namespace gmem::checker
