#include "cli/matrix_run.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <set>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace gmem::cli {
namespace {

[[noreturn]] void fail(char const *call, int error) { throw std::runtime_error { std::string { call } + ": " + std::strerror(error) }; }

// One driver under way. What it prints is less than a pipe holds, so it never waits for us.
struct Job final {
    std::string platform, uapi;
    pid_t process;
    int output;
};

Job start(MatrixRun const &run, std::string const &platform, std::string const &uapi)
{
    std::vector<std::string> words { "gmem", "run", "--report=off", "--vcpu=scripted", "--in-place=on", "--platform=" + platform, "--uapi=" + uapi };
    words.insert(words.end(), run.options.begin(), run.options.end());
    words.insert(words.end(), { "--", run.driver.string(), platform, uapi });
    std::vector<char *> arguments;
    for (auto &word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);

    std::array<int, 2> ends;
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        fail("pipe", errno);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t process { -1 };
    auto const error { posix_spawn(&process, "/proc/self/exe", &actions, nullptr, arguments.data(), environ) };
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (error != 0) {
        ::close(ends[0]);
        fail("the driver cannot be started", error);
    }
    return { platform, uapi, process, ends[0] };
}

std::string finish(Job const &job)
{
    std::string text;
    std::array<char, 4096> some;
    for (;;) {
        auto const got { ::read(job.output, some.data(), some.size()) };
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        text.append(some.data(), static_cast<std::size_t>(got));
    }
    ::close(job.output);
    while (::waitpid(job.process, nullptr, 0) < 0 && errno == EINTR)
        continue;
    return text;
}

// DIRECTION,MODE,PHASE,ERRNO,HOST_READS,GUEST_READS; other lines are not the driver's.
void take(Job const &job, std::string const &text, std::map<MatrixCell, MatrixFinding> &found)
{
    std::istringstream lines { text };
    for (std::string line; std::getline(lines, line);) {
        std::vector<std::string> f;
        std::istringstream fields { line };
        for (std::string field; std::getline(fields, field, ',');)
            f.push_back(field);
        if (f.size() == 6)
            found[{ job.platform, f[0], f[1], f[2], job.uapi }] = { f[3], f[4], f[5] };
    }
}

} // namespace

std::map<MatrixCell, MatrixFinding> execute(MatrixRun const &run, std::vector<MatrixCell> const &cells)
{
    std::set<std::pair<std::string, std::string>> pairs;
    for (auto const &cell : cells)
        pairs.insert({ cell.platform, cell.uapi });
    std::map<MatrixCell, MatrixFinding> found;
    std::deque<Job> jobs;
    auto const take_oldest { [&] {
        auto const job { jobs.front() };
        jobs.pop_front();
        take(job, finish(job), found);
    } };
    auto const at_once { std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 16) };
    for (auto const &[platform, uapi] : pairs) {
        if (jobs.size() == at_once)
            take_oldest();
        jobs.push_back(start(run, platform, uapi));
    }
    while (!jobs.empty())
        take_oldest();
    return found;
}

} // namespace gmem::cli
