#pragma once
// Reads a log behind those who write it: every event once, in order. What was overwritten before it could be read, or never came, is counted.

#include "observe/log_reader.hpp"

#include <functional>
#include <vector>

namespace gmem::cli::reports {

class Follower final {
public:
    using Visit = std::function<void(observe::EventNo, observe::Event const &, std::vector<std::byte> const &behind)>;

    explicit Follower(observe::LogReader const &log) : log_ { log } {}

    // Calls `visit` for what is new. The number of slots that there were.
    std::uint64_t catch_up(Visit const &visit);

    // Slots that nobody will ever know.
    std::uint64_t missed() const noexcept { return missed_; }

private:
    observe::LogReader log_;
    std::uint64_t next_ { 0 }, missed_ { 0 };
    std::vector<std::byte> behind_;
};

} // namespace gmem::cli::reports
