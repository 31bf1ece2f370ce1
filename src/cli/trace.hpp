#pragma once
// gmem trace: the events of a trace as text, one line each, or for Perfetto. docs/traces.md.

#include "cli/trace_file.hpp"

#include <cstdio>

namespace CLI {
class App;
}

namespace gmem::cli {

// What a trace does not have, counted while it was read.
struct TraceGaps final {
    std::uint64_t events { 0 };     // that are there
    std::uint64_t unfinished { 0 }; // begun, and never written: their process was killed, or is at it
    std::uint64_t forgotten { 0 };  // the ring went on
    std::uint64_t dropped { 0 };    // found no place
};

// Both write as they read: nothing is kept but who the processes are. Errors of `out` are the caller's to look for.
TraceGaps write_trace_as_text(TraceFile const &file, std::FILE *out, bool with_stacks);
TraceGaps write_trace_for_perfetto(TraceFile const &file, std::FILE *out);

class TraceCommand final {
public:
    explicit TraceCommand(CLI::App &app);

    bool wanted() const;
    int run() const; // the exit status: 0, or 2 when the file is no trace or nothing can be written

private:
    CLI::App *trace_;
    std::string file_, output_;
    bool perfetto_ { false }, stacks_ { false };
};

} // namespace gmem::cli
