#include "cli/run.hpp"

#include "cli/inject_words.hpp"
#include "cli/program.hpp"
#include "cli/reports/reporter.hpp"
#include "cli/session_file.hpp"
#include "cli/settings.hpp"
#include "cli/statistics.hpp"
#include "cli/supervise.hpp"
#include "observe/inject.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <iterator>
#include <optional>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

int refuse(int status, std::string const &sentence)
{
    fmt::print(stderr, "gmem: {}\n", sentence);
    return status;
}

// Beside the executable, in the build tree and where it is installed.
std::optional<std::filesystem::path> preload_library()
{
    std::error_code ignored;
    auto const self { std::filesystem::read_symlink("/proc/self/exe", ignored) };
    for (auto const *place : { "../lib", "../lib/x86_64-linux-gnu/gmem", "../lib/x86_64-linux-gnu", "../lib/gmem" }) {
        auto const candidate { self.parent_path() / place / "libgmem-preload.so" };
        if (std::filesystem::exists(candidate, ignored))
            return std::filesystem::weakly_canonical(candidate, ignored);
    }
    return std::nullopt;
}

// The variable's words are separated by spaces, and come first.
std::vector<std::string> injections(std::vector<std::string> const &options)
{
    std::istringstream words { setting("GMEM_INJECT") };
    std::vector<std::string> all { std::istream_iterator<std::string> { words }, {} };
    all.insert(all.end(), options.begin(), options.end());
    return all;
}

// The program's standard output is the program's.
void tell_statistics(observe::LogHeader const &log, RunOptions const &options, StatisticsForm form)
{
    auto const text { told(statistics_of(log, fmt::format("{}", fmt::join(options.command, " "))), form) };
    std::string complaint;
    if (options.stats_file.empty())
        fmt::print(stderr, "{}", text);
    else if (!put_out(text, options.stats_file, complaint))
        fmt::print(stderr, "gmem: {}\n", complaint);
}

// What is to be known of the program while it runs.
struct Wishes final {
    std::vector<std::string> inject {};
    std::uint64_t seed { 0 };
    StatisticsForm form { StatisticsForm::text };
    bool reports { false }; // mistakes are told
    bool session { false }; // anything at all is
};

bool read_wishes(RunOptions const &options, Wishes &w, std::string &complaint)
{
    if (!choose_form(options.stats_format, options.stats_file, w.form)) {
        complaint = fmt::format("--stats-format={} is not known: use text or json or prometheus", options.stats_format);
        return false;
    }
    w.inject = injections(options.inject);
    observe::Faults faults {};
    if (complaint = read_injections(w.inject, faults); !complaint.empty())
        return false;
    w.seed = faults.seed;
    auto const asked { setting("GMEM_OBSERVE") };
    bool const allowed { asked != "off" || !options.trace.empty() };
    if (!allowed && (options.stats || !w.inject.empty())) {
        complaint = fmt::format("{} needs what --observe=off takes away: the session's memory", options.stats ? "--stats" : "--inject");
        return false;
    }
    w.reports = allowed && setting("GMEM_REPORT") != "off";
    w.session = !options.trace.empty() || options.stats || !w.inject.empty() || asked == "on" || (asked != "off" && w.reports);
    return true;
}

// 0, or the exit status for a program that cannot be run, which was told.
int refuse_program(Program const &program, std::string const &name)
{
    switch (program.reach) {
    case Program::Reach::not_found:
        return refuse(127, fmt::format("{}: no such program", name));
    case Program::Reach::not_executable:
        return refuse(126, fmt::format("{}: permission to execute it is missing", name));
    case Program::Reach::unreachable:
        return refuse(cannot_run, fmt::format("cannot run {}: {}", name, program.why));
    case Program::Reach::reachable:
        break;
    }
    return 0;
}

// Sanitizer runtimes insist on the first place; what the user preloads comes after ours.
void load_before(Program const &program, std::filesystem::path const &library)
{
    std::string list;
    for (auto const &first : program.load_first)
        list += first + ":";
    list += library.string();
    if (auto const users { setting("LD_PRELOAD") }; !users.empty())
        list += ":" + users;
    setenv("LD_PRELOAD", list.c_str(), 1);
}

// Returns only where it fails.
int become(Program const &program, std::vector<std::string> const &command)
{
    std::vector<char *> arguments;
    for (auto const &word : command)
        arguments.push_back(const_cast<char *>(word.c_str()));
    arguments.push_back(nullptr);
    execv(program.path.c_str(), arguments.data());
    return refuse(126, fmt::format("{}: {}", command.front(), std::strerror(errno)));
}

bool prepare(reports::Output &output, RunOptions const &options, std::string &complaint)
{
    auto const format { options.report_format == "json" ? reports::Format::json : reports::Format::text };
    return (options.suppressions.empty() || output.read_suppressions(options.suppressions, complaint)) && output.open(options.report_file, format, complaint);
}

// The program as a child, in a session that this process looks at.
int run_observed(Program const &program, RunOptions const &options, Wishes const &wishes)
{
    std::string complaint;
    reports::Output output;
    if (wishes.reports && !prepare(output, options, complaint))
        return refuse(cannot_run, complaint);
    auto const session { SessionFile::make(options.trace, options.command, complaint) };
    if (!session)
        return refuse(cannot_run, complaint);
    auto &faults { observe::faults_of(session->header()) };
    (void)read_injections(wishes.inject, faults);
    faults.seed = wishes.seed;
    setenv("GMEM_SESSION", session->path().c_str(), 1);
    std::optional<reports::Reporter> reporter;
    if (wishes.reports)
        reporter.emplace(std::span { session->begin(), session->size() }, output, reports::Rules::Wishes { .handled = options.report_handled });
    auto const status { supervise([&] { return become(program, options.command); }, [&reporter] {
        if (reporter)
            reporter->begin();
    }) };
    if (reporter)
        reporter->finish(status != -1 && WIFEXITED(status));
    for (auto const &line : told_injections(faults))
        fmt::print(stderr, "gmem: {}\n", line);
    if (options.stats)
        tell_statistics(session->header(), options, wishes.form);
    session->finish();
    if (status == -1)
        return refuse(cannot_run, fmt::format("no process for {}: {}", options.command.front(), std::strerror(errno)));
    if (options.error_exitcode != 0 && output.wanted() != 0)
        return options.error_exitcode;
    end_as(status);
}

} // namespace

int run(RunOptions const &options)
{
    std::string complaint;
    Wishes wishes;
    if (!put_settings(options, complaint) || !read_wishes(options, wishes, complaint))
        return refuse(cannot_run, complaint);
    auto const program { Program::find(options.command.front()) };
    if (auto const status { refuse_program(program, options.command.front()) }; status != 0)
        return status;
    auto const library { preload_library() };
    if (!library)
        return refuse(cannot_run, "libgmem-preload.so is not where it was installed, next to this program's ../lib");
    load_before(program, *library);
    return wishes.session ? run_observed(program, options, wishes) : become(program, options.command);
}

} // namespace gmem::cli
