#include "cli/top.hpp"

#include "cli/terminal.hpp"
#include "cli/top_frame.hpp"

#include <csignal>
#include <ctime>
#include <fmt/format.h>
#include <thread>

namespace gmem::cli {
namespace {

constexpr std::size_t width_without_terminal { 120 };

int refuse(std::string const &sentence)
{
    fmt::print(stderr, "gmem: {}\n", sentence);
    return 1;
}

std::uint64_t monotonic()
{
    timespec t {};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

// One frame after another, each with the one before.
class Frames final {
public:
    explicit Frames(SessionView const &session) : session_ { session } { look(); }

    void look()
    {
        auto const now { monotonic() };
        moment_ = { statistics_of(session_.log().header(), session_.command()), std::move(moment_.now), moment_.monotonic ? static_cast<double>(now - moment_.monotonic) / 1e9 : 0, now };
        events_.follow(session_.log());
    }
    std::string lines(std::size_t width) const { return top_frame(moment_, events_, width); }

private:
    SessionView const &session_;
    Moment moment_ {};
    RecentEvents events_;
};

bool lives(SessionView const &session)
{
    for (auto const &s : find_sessions())
        if (s.path == session.path())
            return true;
    return false;
}

} // namespace

TopCommand::TopCommand(CLI::App &app) : command_ { app.add_subcommand("top", "Shows a running session, live; q ends it") }
{
    command_->add_option("--pid", wish_.process, "A process of the session; not needed where only one session runs");
    command_->add_option("--session", wish_.path, "The session's log: what GMEM_SESSION says");
    command_->add_option("--interval", interval_, "Milliseconds between two frames")->check(CLI::Range(50u, 60'000u));
    command_->add_flag("--once", once_, "One frame, without a terminal");
}

int TopCommand::live(SessionView const &session) const
{
    Terminal terminal;
    Frames frames { session };
    for (;;) {
        terminal.show(frames.lines(terminal.width()));
        switch (terminal.wait(static_cast<int>(interval_))) {
        case Terminal::Event::quit:
            return terminal.ended_by();
        case Terminal::Event::tick:
            if (!lives(session))
                return 0;
            frames.look();
            break;
        case Terminal::Event::redraw:
            break;
        }
    }
}

// A signal ends this process once the terminal is its owner's again.
int TopCommand::run() const
{
    std::string complaint;
    auto const session { attach(wish_, complaint) };
    if (!session)
        return refuse(complaint);
    if (once_) {
        Frames frames { *session };
        std::this_thread::sleep_for(std::chrono::milliseconds { interval_ });
        frames.look();
        return put_out(frames.lines(width_without_terminal), "", complaint) ? 0 : 1;
    }
    if (!Terminal::is_one())
        return refuse("gmem top needs a terminal; without one use gmem top --once");
    auto const signal { live(*session) };
    if (signal == 0)
        return 0;
    std::signal(signal, SIG_DFL);
    raise(signal);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    return 128 + signal;
}

} // namespace gmem::cli
