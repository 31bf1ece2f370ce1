#pragma once
// What gmem top shows, as lines of text without any terminal's words.

#include "cli/statistics.hpp"
#include "observe/log_reader.hpp"

#include <deque>
#include <map>
#include <string>

namespace gmem::cli {

// What the events say that the figures do not: how long conversions took since the last frame, and which failed.
struct Latency final {
    std::uint64_t count { 0 }, sum { 0 }, longest { 0 }; // nanoseconds
};

class RecentEvents final {
public:
    static constexpr std::size_t failures_kept { 8 };

    void follow(observe::LogReader const &log);
    std::map<std::uint64_t, Latency> const &latencies() const { return latencies_; } // by file
    std::deque<observe::Event> const &failures() const { return failures_; }

private:
    std::uint64_t next_ { 0 };
    std::map<std::uint64_t, Latency> latencies_;
    std::deque<observe::Event> failures_;
};

struct Moment final {
    Statistics now, before;
    double seconds; // between the two; 0: there is no before
    std::uint64_t monotonic; // nanoseconds
};

// Lines of at most `width` characters, each ended.
std::string top_frame(Moment const &, RecentEvents const &, std::size_t width);

// "[####....]" of `width` characters in all; '#' for `part` of `whole`.
std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width, char rest = '.');

} // namespace gmem::cli
