#include "cli/trace.hpp"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <iostream>

namespace gmem::cli {
namespace {

constexpr int unusable { 2 };

std::string sentence(TraceGaps const &g)
{
    auto text { fmt::format("{} events", g.events) };
    if (g.forgotten != 0)
        text += fmt::format("; {} slots of older ones were used again", g.forgotten);
    if (g.dropped != 0)
        text += fmt::format("; {} were dropped, for there was no room", g.dropped);
    if (g.unfinished != 0)
        text += fmt::format("; {} were begun and never written: a process was killed meanwhile, or still writes", g.unfinished);
    return text;
}

int complain(std::string const &what)
{
    std::cerr << "gmem: " << what << "\n";
    return unusable;
}

} // namespace

TraceCommand::TraceCommand(CLI::App &app)
    : trace_ { app.add_subcommand("trace", "Prints a trace of gmem run --trace, one line for each event; docs/traces.md") }
{
    trace_->add_option("FILE", file_, "The trace; its session may still go on")->required();
    trace_->add_flag("--stacks", stacks_, "Behind each event, where in the program it was called from");
    trace_->add_flag("--perfetto", perfetto_, "JSON for ui.perfetto.dev and chrome://tracing instead");
    trace_->add_option("-o,--output", output_, "Goes there and not to the standard output");
}

bool TraceCommand::wanted() const { return trace_->parsed(); }

int TraceCommand::run() const
{
    try {
        TraceFile const file { file_ };
        auto *const out { output_.empty() ? stdout : std::fopen(output_.c_str(), "we") };
        if (!out)
            return complain(fmt::format("{}: {}", output_, std::strerror(errno)));
        auto const gaps { perfetto_ ? write_trace_for_perfetto(file, out) : write_trace_as_text(file, out, stacks_) };
        if (!perfetto_)
            fmt::print(out, "# {}\n", sentence(gaps));
        else if (gaps.dropped != 0 || gaps.unfinished != 0 || gaps.forgotten != 0)
            std::cerr << "gmem: " << sentence(gaps) << "\n";
        bool const failed { std::ferror(out) != 0 || std::fflush(out) != 0 };
        auto const error { errno };
        if (out != stdout)
            std::fclose(out);
        return failed && error != EPIPE ? complain(fmt::format("{}: {}", output_.empty() ? "the standard output" : output_, std::strerror(error))) : 0;
    } catch (TraceRefusal const &refusal) {
        return complain(refusal.what());
    }
}

} // namespace gmem::cli
