#include "cli/stats.hpp"

#include "cli/statistics.hpp"

#include <fmt/format.h>

namespace gmem::cli {
namespace {

int refuse(int status, std::string const &sentence)
{
    fmt::print(stderr, "gmem: {}\n", sentence);
    return status;
}

} // namespace

StatsCommand::StatsCommand(CLI::App &app) : command_ { app.add_subcommand("stats", "Says what a running session has counted") }
{
    command_->add_option("--pid", wish_.process, "A process of the session; not needed where only one session runs");
    command_->add_option("--session", wish_.path, "The session's log: what GMEM_SESSION says, or a trace");
    command_->add_option("--format", format_, "text, json or prometheus; by the output's name when not given: .json, .prom");
    command_->add_option("--output", output_, "A file that is replaced at once, for a textfile collector");
}

int StatsCommand::run() const
{
    StatisticsForm form {};
    if (!choose_form(format_, output_, form))
        return refuse(2, fmt::format("--format={} is not known: use text or json or prometheus", format_));
    std::string complaint;
    auto const session { attach(wish_, complaint) };
    if (!session || !put_out(told(statistics_of(session->log().header(), session->command()), form), output_, complaint))
        return refuse(1, complaint);
    return 0;
}

} // namespace gmem::cli
