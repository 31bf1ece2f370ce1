#include "cli/run.hpp"

#include "cli/inject_words.hpp"
#include "cli/program.hpp"
#include "cli/reports/reporter.hpp"
#include "cli/session_file.hpp"
#include "cli/statistics.hpp"
#include "cli/supervise.hpp"
#include "observe/inject.hpp"
#include "platform/choice.hpp"
#include "platform/words.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

int refuse(int status, std::string const &sentence)
{
    fmt::print(stderr, "gmem: {}\n", sentence);
    return status;
}

std::string variable(char const *name)
{
    char const *const value { std::getenv(name) };
    return value ? value : "";
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

// An option wins over the variable; both must be a known word.
bool choose(char const *name, std::string const &option, std::vector<std::string> const &known, std::string &complaint)
{
    auto const value { option.empty() ? variable(name) : option };
    if (value.empty())
        return true;
    for (auto const &word : known)
        if (value == word) {
            setenv(name, value.c_str(), 1);
            return true;
        }
    complaint = fmt::format("{}={} is not known: use {}", name, value, fmt::join(known, " or "));
    return false;
}

bool choose_milliseconds(char const *name, std::string const &option, std::string &complaint)
{
    auto const value { option.empty() ? variable(name) : option };
    if (value.empty())
        return true;
    if (value.size() <= 6 && value.find_first_not_of("0123456789") == std::string::npos && std::stol(value) > 0) {
        setenv(name, value.c_str(), 1);
        return true;
    }
    complaint = fmt::format("{}={} is not a number of milliseconds: use 1 to 999999", name, value);
    return false;
}

// The program may change its folder, and finds out too late that nobody can write there.
bool choose_measurement(std::string const &option, std::string &complaint)
{
    auto const value { option.empty() ? variable("GMEM_MEASUREMENT") : option };
    if (value.empty())
        return true;
    std::error_code error;
    auto const path { std::filesystem::absolute(value, error) };
    if (error || !std::ofstream { path, std::ios::app }) {
        complaint = fmt::format("{}: measurements cannot be written there", value);
        return false;
    }
    setenv("GMEM_MEASUREMENT", path.c_str(), 1);
    return true;
}

// Linux can make CPUID fault on most processors of Intel's, and on newer ones of AMD's.
bool choose_processor(std::string const &option, std::string &complaint)
{
    constexpr long arch_set_cpuid { 0x1012 };
    if (!choose("GMEM_PROCESSOR", option, { "native", "snp", "tdx" }, complaint))
        return false;
    auto const chosen { variable("GMEM_PROCESSOR") };
    if (chosen.empty() || chosen == "native" || syscall(SYS_arch_prctl, arch_set_cpuid, 1) == 0)
        return true;
    complaint = fmt::format("--processor={} needs a processor whose CPUID instruction can be made to fault, and this one's cannot", chosen);
    return false;
}

// The variable's words are separated by spaces, and come first.
std::vector<std::string> injections(std::vector<std::string> const &options)
{
    std::istringstream words { variable("GMEM_INJECT") };
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

std::vector<std::string> uapis()
{
    std::vector<std::string> names;
    for (auto const u : platform::all_uapis)
        names.emplace_back(platform::name_of(u));
    return names;
}

std::vector<std::string> platforms()
{
    std::vector<std::string> names { "auto" };
    for (auto const k : platform::all_kinds)
        names.emplace_back(platform::name_of(k));
    return names;
}

// NAME=VALUE words: the options' come after the variable's, so they win. T is what they set.
template <typename T>
bool choose_words(char const *name, std::vector<std::string> const &options, std::span<platform::Word<T> const> known, std::string &complaint)
{
    auto list { variable(name) };
    for (auto const &word : options)
        list += (list.empty() ? "" : ",") + word;
    T ignored {};
    if (auto const unknown { platform::apply_words(list, ignored) }) {
        std::vector<std::string> words;
        for (auto const &word : known)
            words.push_back(fmt::format("{}={}", word.name, word.value));
        complaint = fmt::format("{}: {} is not known: use {}", name, *unknown, fmt::join(words, " or "));
        return false;
    }
    if (!list.empty())
        setenv(name, list.c_str(), 1);
    return true;
}

bool prepare(reports::Output &output, RunOptions const &options, std::string &complaint)
{
    auto const format { options.report_format == "json" ? reports::Format::json : reports::Format::text };
    return (options.suppressions.empty() || output.read_suppressions(options.suppressions, complaint)) && output.open(options.report_file, format, complaint);
}

} // namespace

int run(RunOptions const &options)
{
    std::string complaint;
    if (!choose("GMEM_WINDOW_ENGINE", options.engine, { "userfaultfd", "overlay" }, complaint)
        || !choose("GMEM_WINDOW_OPENING", options.opening, { "automatic", "installed", "native" }, complaint)
        || !choose_milliseconds("GMEM_PEER_TIMEOUT", options.peer_timeout, complaint)
        || !choose("GMEM_HUGEPAGES", options.huge_pages, { "on", "off" }, complaint)
        || !choose("GMEM_IN_PLACE", options.in_place, { "on", "off" }, complaint)
        || !choose("GMEM_VM_ATTRIBUTES", options.vm_attributes, { "on", "off" }, complaint)
        || !choose("GMEM_VCPU", options.vcpu, { "real", "scripted" }, complaint)
        || !choose_processor(options.processor, complaint)
        || !choose_measurement(options.measurement, complaint)
        || !choose("GMEM_REPORT", options.report, { "on", "off" }, complaint)
        || !choose("GMEM_OBSERVE", options.observe, { "on", "off" }, complaint)
        || !choose("GMEM_UAPI", options.uapi, uapis(), complaint)
        || !choose_words("GMEM_UAPI_OPTIONS", options.uapi_options, platform::profile_words(), complaint)
        || !choose("GMEM_PLATFORM", options.platform, platforms(), complaint)
        || !choose_words("GMEM_PLATFORM_OPTIONS", options.platform_options, platform::option_words(), complaint))
        return refuse(cannot_run, complaint);

    auto form { StatisticsForm::text };
    if (!choose_form(options.stats_format, options.stats_file, form))
        return refuse(cannot_run, fmt::format("--stats-format={} is not known: use text or json or prometheus", options.stats_format));
    if (options.stats && variable("GMEM_OBSERVE") == "off" && options.trace.empty())
        return refuse(cannot_run, "--stats needs what --observe=off takes away: the session's memory");
    observe::Faults faults {};
    auto const inject { injections(options.inject) };
    if (complaint = read_injections(inject, faults); !complaint.empty())
        return refuse(cannot_run, complaint);
    if (!inject.empty() && variable("GMEM_OBSERVE") == "off" && options.trace.empty())
        return refuse(cannot_run, "--inject needs what --observe=off takes away: the session's memory");

    auto const &name { options.command.front() };
    auto const program { Program::find(name) };
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
    auto const library { preload_library() };
    if (!library)
        return refuse(cannot_run, "libgmem-preload.so is not where it was installed, next to this program's ../lib");

    // Sanitizer runtimes insist on the first place; what the user preloads comes after ours.
    std::string preload;
    for (auto const &first : program.load_first)
        preload += first + ":";
    preload += library->string();
    if (auto const users { variable("LD_PRELOAD") }; !users.empty())
        preload += ":" + users;
    setenv("LD_PRELOAD", preload.c_str(), 1);

    auto const become { [&] {
        std::vector<char *> arguments;
        for (auto const &word : options.command)
            arguments.push_back(const_cast<char *>(word.c_str()));
        arguments.push_back(nullptr);
        execv(program.path.c_str(), arguments.data());
        return refuse(126, fmt::format("{}: {}", name, std::strerror(errno)));
    } };
    auto const observed { variable("GMEM_OBSERVE") };
    bool const reports { variable("GMEM_REPORT") != "off" && (observed != "off" || !options.trace.empty()) };
    bool const asked_for { !options.trace.empty() || options.stats || !inject.empty() || observed == "on" };
    if (!asked_for && (observed == "off" || !reports))
        return become();
    reports::Output output;
    if (reports && !prepare(output, options, complaint))
        return refuse(cannot_run, complaint);
    auto const session { SessionFile::make(options.trace, options.command, complaint) };
    if (!session)
        return refuse(cannot_run, complaint);
    (void)read_injections(inject, observe::faults_of(session->header()));
    observe::faults_of(session->header()).seed = faults.seed;
    setenv("GMEM_SESSION", session->path().c_str(), 1);
    std::optional<reports::Reporter> reporter;
    if (reports)
        reporter.emplace(std::span { session->begin(), session->size() }, output, reports::Rules::Wishes { .handled = options.report_handled });
    auto const status { supervise(become, [&reporter] {
        if (reporter)
            reporter->begin();
    }) };
    if (reporter)
        reporter->finish(status != -1 && WIFEXITED(status));
    for (auto const &line : told_injections(observe::faults_of(session->header())))
        fmt::print(stderr, "gmem: {}\n", line);
    if (options.stats)
        tell_statistics(session->header(), options, form);
    session->finish();
    if (status == -1)
        return refuse(cannot_run, fmt::format("no process for {}: {}", name, std::strerror(errno)));
    if (options.error_exitcode != 0 && output.wanted() != 0)
        return options.error_exitcode;
    end_as(status);
}

} // namespace gmem::cli
