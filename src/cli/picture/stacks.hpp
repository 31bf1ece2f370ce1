#pragma once
// Which code called: the stacks of a trace as text, a line a frame, each once.

#include "cli/trace_stacks.hpp"

#include <map>
#include <vector>

namespace gmem::cli::picture {

class Stacks final {
public:
    static constexpr std::size_t most { 20'000 };
    static constexpr std::size_t most_lines { 24 };

    explicit Stacks(TraceFile const &trace) : trace_ { trace }, stacks_ { trace } {}

    // To be told of every event, in order.
    void meet(observe::EventNo n, observe::Event const &e);

    // The place in texts() of where an event was called from. 0: not known.
    std::uint64_t number_of(observe::Event const &e);

    // Number 0 is empty.
    std::vector<std::string> const &texts() const noexcept { return texts_; }

    struct Process final {
        std::uint32_t id, parent;
        bool forked;
        std::string name;
    };
    std::vector<Process> const &processes() const noexcept { return processes_; }

private:
    TraceFile const &trace_;
    TraceStacks stacks_;
    std::vector<Process> processes_ {};
    std::map<reports::CallStack const *, std::uint64_t> numbers_ {};
    std::map<std::string, std::uint64_t> known_ {};
    std::vector<std::string> texts_ { "" };
};

} // namespace gmem::cli::picture
