#pragma once
// The thread of gmem run that makes reports while the program runs: follows the log, and answers those who wait before they die.

#include "cli/reports/follower.hpp"
#include "cli/reports/output.hpp"
#include "cli/reports/rules.hpp"

#include <atomic>
#include <thread>

namespace gmem::cli::reports {

class Reporter final {
public:
    // `log`: the session's, in a mapping that lasts. Says in its header that somebody reads; to be made before the program is started, begin() after that.
    Reporter(std::span<std::byte> log, Output &output, Rules::Wishes wishes);
    ~Reporter();

    void begin();

    // After the program has ended. `by_itself`: it was no signal. What is left is read, and the summary written.
    void finish(bool by_itself);

private:
    void follow();
    std::uint64_t read_and_answer();

    observe::LogHeader &header_;
    observe::LogReader log_;
    Output &output_;
    Processes processes_;
    Rules rules_;
    Follower follower_;
    std::thread thread_;
    std::atomic<bool> over_ { false };
};

} // namespace gmem::cli::reports
