#include "cli/terminal.hpp"

#include <cerrno>
#include <csignal>
#include <poll.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

// Ends, stops and sizes: read from a descriptor, so that nothing happens in the middle of a frame.
constexpr int awaited[] { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH };

void put(std::string_view text)
{
    while (!text.empty()) {
        auto const n { write(STDOUT_FILENO, text.data(), text.size()) };
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

} // namespace

bool Terminal::is_one() { return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO); }

Terminal::Terminal()
{
    tcgetattr(STDIN_FILENO, &before_);
    sigset_t set;
    sigemptyset(&set);
    for (auto const s : awaited)
        sigaddset(&set, s);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    take();
}

Terminal::~Terminal()
{
    give_back();
    close(signals_);
}

void Terminal::take()
{
    auto raw { before_ };
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    put("\x1b[?1049h\x1b[?25l");
    taken_ = true;
    measure();
}

void Terminal::give_back()
{
    if (!taken_)
        return;
    taken_ = false;
    put("\x1b[?25h\x1b[?1049l");
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void Terminal::measure()
{
    winsize size {};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 && size.ws_row != 0) {
        width_ = size.ws_col;
        height_ = size.ws_row;
    }
}

void Terminal::show(std::string const &frame)
{
    std::string out { "\x1b[H" };
    std::size_t lines { 0 };
    for (std::string_view rest { frame }; !rest.empty() && lines < height_; ++lines) {
        auto const end { rest.find('\n') };
        out += std::string { lines ? "\r\n" : "" } + std::string { rest.substr(0, end) } + "\x1b[K";
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    put(out + "\x1b[J");
}

Terminal::Event Terminal::meet_signal()
{
    signalfd_siginfo info {};
    if (read(signals_, &info, sizeof info) != sizeof info)
        return Event::redraw;
    switch (info.ssi_signo) {
    case SIGWINCH: measure(); return Event::redraw;
    case SIGCONT:  return Event::redraw;
    case SIGTSTP:
        give_back();
        raise(SIGSTOP); // as the default action of SIGTSTP would
        take();
        return Event::redraw;
    default:
        ended_by_ = static_cast<int>(info.ssi_signo);
        return Event::quit;
    }
}

Terminal::Event Terminal::wait(int milliseconds)
{
    pollfd both[] { { STDIN_FILENO, POLLIN, 0 }, { signals_, POLLIN, 0 } };
    if (poll(both, 2, milliseconds) <= 0)
        return Event::tick;
    if (both[1].revents)
        return meet_signal();
    char key { 0 };
    if (read(STDIN_FILENO, &key, 1) != 1) // the terminal has gone
        return Event::quit;
    return key == 'q' || key == 'Q' ? Event::quit : Event::redraw;
}

} // namespace gmem::cli
