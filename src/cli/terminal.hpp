#pragma once
// A terminal that shows one thing, refreshed: taken over, and given back on every way out that leaves us a chance.

#include <cstddef>
#include <string>
#include <termios.h>

namespace gmem::cli {

class Terminal final {
public:
    static bool is_one(); // are standard input and output?

    Terminal();
    ~Terminal();
    Terminal(Terminal const &) = delete;

    std::size_t width() const { return width_; }
    std::size_t height() const { return height_; }
    void show(std::string const &frame); // lines

    enum class Event { tick, redraw, quit };
    // Until `milliseconds` are over, a key is pressed, or a signal comes. After `quit` by a signal: ended_by().
    Event wait(int milliseconds);
    int ended_by() const { return ended_by_; } // 0: by a key

private:
    void take();
    void give_back();
    void measure();
    Event meet_signal();

    termios before_ {};
    int signals_ { -1 };
    int ended_by_ { 0 };
    bool taken_ { false };
    std::size_t width_ { 80 }, height_ { 24 };
};

} // namespace gmem::cli
