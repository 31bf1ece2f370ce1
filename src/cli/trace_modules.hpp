#pragma once
// Which file an address of a process lay in, as far as a trace has been read.

#include "cli/trace_file.hpp"

#include <map>

namespace gmem::cli {

class TraceModules final {
public:
    // To be told of every event, in order.
    void meet(TraceFile const &file, observe::EventNo n, observe::Event const &e);

    // FILE+OFFSET of the instruction that an event's call returns to, or that it happened at, where the offset is one that addr2line takes. Empty: not known.
    std::string caller(TraceFile const &file, observe::Event const &e) const;

private:
    struct Module final {
        std::uint64_t end, base;
        std::string path;
    };
    std::map<std::uint32_t, std::map<std::uint64_t, Module>> of_process_ {};
};

} // namespace gmem::cli
