#include "cli/session_view.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

namespace gmem::cli {
namespace {

std::unique_ptr<SessionView> opened(std::string const &path, std::string &complaint)
{
    try {
        return std::make_unique<SessionView>(path);
    } catch (TraceRefusal const &refusal) {
        complaint = refusal.what();
        return nullptr;
    }
}

// "" where it has none, or may not be read.
std::string session_of(pid_t process)
{
    std::ifstream environ { fmt::format("/proc/{}/environ", process), std::ios::binary };
    for (std::string word; std::getline(environ, word, '\0');)
        if (word.starts_with("GMEM_SESSION="))
            return word.substr(std::strlen("GMEM_SESSION="));
    return "";
}

std::string sentence_about(std::vector<FoundSession> const &sessions)
{
    std::string text;
    for (auto const &s : sessions)
        text += fmt::format("\n  --pid {}  {}", s.processes.front(), s.path);
    return text;
}

} // namespace

std::vector<FoundSession> find_sessions()
{
    std::vector<FoundSession> sessions;
    std::error_code ignored;
    for (auto const &entry : std::filesystem::directory_iterator { "/proc", ignored }) {
        auto const name { entry.path().filename().string() };
        pid_t process { 0 };
        auto const [end, error] { std::from_chars(name.data(), name.data() + name.size(), process) };
        if (error != std::errc {} || end != name.data() + name.size() || process == getpid())
            continue;
        auto const path { session_of(process) };
        if (path.empty())
            continue;
        auto const known { std::ranges::find(sessions, path, &FoundSession::path) };
        (known != sessions.end() ? *known : sessions.emplace_back(path)).processes.push_back(process);
    }
    for (auto &s : sessions)
        std::ranges::sort(s.processes);
    std::ranges::sort(sessions, {}, [](auto const &s) { return s.processes.front(); });
    return sessions;
}

std::unique_ptr<SessionView> attach(SessionWish const &wish, std::string &complaint)
{
    if (!wish.path.empty())
        return opened(wish.path, complaint);
    if (wish.process != 0) {
        auto const path { session_of(wish.process) };
        if (path.empty()) {
            complaint = fmt::format("process {} is in no session of gmem run's, or another user's", wish.process);
            return nullptr;
        }
        return opened(path, complaint);
    }
    auto const sessions { find_sessions() };
    if (sessions.empty())
        complaint = "no process of this user runs under gmem run";
    else if (sessions.size() > 1)
        complaint = "more than one session runs; say which:" + sentence_about(sessions);
    else
        return opened(sessions.front().path, complaint);
    return nullptr;
}

} // namespace gmem::cli
