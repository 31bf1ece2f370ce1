#include "cli/play.hpp"

#include "cli/run.hpp"
#include "scenario/parse.hpp"
#include "scenario/refusal.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

constexpr int differs { 1 }, usage_error { 2 };
constexpr unsigned patience { 120 }; // seconds that a scenario may take

namespace fs = std::filesystem;

// A directory stands for the scenarios in it, by their names.
std::vector<std::string> scenario_files(std::vector<std::string> const &words)
{
    std::vector<std::string> files;
    for (auto const &word : words) {
        std::error_code failed;
        if (!fs::is_directory(word, failed)) {
            files.push_back(word);
            continue;
        }
        std::vector<std::string> found;
        for (fs::directory_iterator entry { word, failed }; !failed && entry != fs::directory_iterator {}; entry.increment(failed))
            if (entry->path().extension() == ".yaml")
                found.push_back(entry->path().string());
        if (found.empty())
            throw scenario::Refusal { word, 0, failed ? failed.message() : "there is no .yaml file in this directory" };
        std::sort(found.begin(), found.end());
        files.insert(files.end(), found.begin(), found.end());
    }
    return files;
}

fs::path player()
{
    std::error_code ignored;
    auto const self { fs::read_symlink("/proc/self/exe", ignored) };
    for (auto const *place : { "../libexec/gmem-player", "../libexec/gmem/gmem-player" })
        if (auto const candidate { self.parent_path() / place }; fs::exists(candidate, ignored))
            return fs::weakly_canonical(candidate, ignored);
    throw scenario::Refusal { "gmem-player", 0, "is not where it was installed, in this program's ../libexec" };
}

RunOptions options_of(scenario::Scenario const &s)
{
    RunOptions o;
    o.vcpu = "scripted";
    o.uapi = s.uapi;
    o.platform = s.platform;
    o.in_place = s.in_place;
    o.uapi_options = s.uapi_options;
    o.platform_options = s.platform_options;
    return o;
}

// A scenario says itself what it is played on.
void forget_the_users_choices()
{
    for (auto const *name : { "GMEM_UAPI", "GMEM_UAPI_OPTIONS", "GMEM_PLATFORM", "GMEM_PLATFORM_OPTIONS", "GMEM_IN_PLACE", "GMEM_VM_ATTRIBUTES", "GMEM_VCPU", "GMEM_PROCESSOR", "GMEM_REPORT", "GMEM_OBSERVE", "GMEM_INJECT" })
        unsetenv(name);
}

int play_one(scenario::Scenario const &s, fs::path const &program, char const *voice)
{
    std::fflush(nullptr);
    auto const child { ::fork() };
    if (child < 0)
        throw scenario::Refusal { s.file, 0, fmt::format("fork: {}", std::strerror(errno)) };
    if (child == 0) {
        forget_the_users_choices();
        auto options { options_of(s) };
        options.report = "off"; // what a scenario does wrong it does on purpose, and expects the answer
        options.command = { program.string(), voice, s.file };
        ::alarm(patience); // survives exec
        ::_exit(gmem::cli::run(options));
    }
    int status { 0 };
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            throw scenario::Refusal { s.file, 0, fmt::format("waitpid: {}", std::strerror(errno)) };
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == differs))
        return WEXITSTATUS(status);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)
        return differs; // nobody listens
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        fmt::print(stderr, "gmem: {}: not at its end after {} seconds\n", s.file, patience);
    else if (WIFSIGNALED(status))
        fmt::print(stderr, "gmem: {}: the player was ended by signal {}\n", s.file, WTERMSIG(status));
    else
        fmt::print(stderr, "gmem: {}: the player ended with status {}\n", s.file, WEXITSTATUS(status));
    return differs;
}

} // namespace

PlayCommand::PlayCommand(CLI::App &app)
    : command_ { app.add_subcommand("play", "Plays scenarios: step by step, with what is expected of each; docs/scenarios.md") }
{
    command_->add_option("FILES", files_, "Scenarios, or directories of them")->required();
    command_->add_flag("--quiet", quiet_, "One line a scenario, and where one differs");
    command_->add_flag("--json", json_, "One JSON object a line, for programs")->excludes("--quiet");
    command_->add_flag("--check", check_, "Only reads the files");
    command_->footer("Exit status 0: every step was as expected; 1: a step differs (the scenarios behind it are played); 2: a file is no scenario.");
}

int PlayCommand::run() const
{
    try {
        auto const program { player() };
        std::vector<scenario::Scenario> scenarios;
        for (auto const &file : scenario_files(files_))
            scenarios.push_back(scenario::parse(file));
        if (check_)
            return 0;
        int worst { 0 };
        for (auto const &s : scenarios)
            worst = std::max(worst, play_one(s, program, json_ ? "json" : quiet_ ? "quiet" : "full"));
        return worst;
    } catch (scenario::Refusal const &why) {
        fmt::print(stderr, "gmem: {}\n", why.what());
        return usage_error;
    }
}

} // namespace gmem::cli
