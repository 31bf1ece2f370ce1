#pragma once
// Who called, of a trace that is read from its beginning, perhaps long after its programs ended: gmem trace and gmem report. Files that were changed since the
// session began are not asked: they are not what ran.

#include "cli/reports/processes.hpp"
#include "cli/trace_file.hpp"

#include <map>

namespace gmem::cli {

class TraceStacks final {
public:
    // `file` outlives it.
    explicit TraceStacks(TraceFile const &file);

    // To be told of every event, in order; of interest are those that say what code is where.
    void meet(observe::EventNo n, observe::Event const &e);

    // Where an event's call came from, innermost first. What no file names has file and offset only; where no file says how to walk on, the frames after the
    // first are guessed, and the remark says so. nullptr: nobody knows.
    reports::CallStack const *of(observe::Event const &e);

private:
    static constexpr std::size_t most_processes { 10'000 }, most_modules { 100'000 }, most_guessed { 12 };

    void find(observe::EventNo stack);

    TraceFile const &file_;
    reports::Processes processes_;
    std::size_t processes_seen_ { 0 }, modules_seen_ { 0 };
    std::map<std::pair<reports::StackId, reports::Innermost>, reports::CallStack> resolved_;
};

} // namespace gmem::cli
