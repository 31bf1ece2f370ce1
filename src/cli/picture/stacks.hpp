#pragma once
// Which code called: the copied stacks of a trace as lines of "file + offset". The first line is where the call came from; the lines below are words of the
// stack that point behind a call in the code of the process, of which some may be left over from earlier calls: without the files' unwind tables nobody knows.

#include "cli/trace_file.hpp"

#include <map>
#include <vector>

namespace gmem::cli::picture {

class Stacks final {
public:
    static constexpr std::size_t most { 20'000 };
    static constexpr std::size_t most_lines { 12 };

    explicit Stacks(TraceFile const &trace);

    // 0: none, or not known.
    std::uint64_t number_of(observe::EventNo n);

    // Number 0 is empty.
    std::vector<std::string> const &texts() const noexcept { return texts_; }

    struct Process final {
        std::uint32_t id, parent;
        bool forked;
        std::string name;
    };
    std::vector<Process> const &processes() const noexcept { return processes_; }

private:
    struct Module final {
        std::uint64_t begin, end, file_offset;
        std::string name;
    };
    void note_process(observe::EventNo n, observe::Event const &e);
    void note_module(observe::EventNo n, observe::Event const &e);
    std::string text_of(observe::EventNo n, observe::Event const &e) const;
    std::string line_of(std::uint32_t process, std::uint64_t address) const;

    TraceFile const &trace_;
    std::vector<Process> processes_ {};
    std::map<std::uint32_t, std::vector<Module>> modules_ {};
    std::map<std::uint64_t, std::uint64_t> numbers_ {};
    std::map<std::string, std::uint64_t> known_ {};
    std::vector<std::string> texts_ { "" };
};

} // namespace gmem::cli::picture
