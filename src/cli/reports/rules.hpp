#pragma once
// When something is reported: events in, reports out. Each rule is one function; what the reports mean is in docs/reports/.

#include "cli/reports/history.hpp"
#include "observe/log_reader.hpp"

#include <functional>

namespace gmem::cli::reports {

// A range that changes between private and shared so often within such a time is played ping-pong with.
inline constexpr std::size_t ping_pong_changes { 100 };
inline constexpr std::uint64_t ping_pong_nanoseconds { 1'000'000'000 };

class Rules final {
public:
    // A new report; what repeated ones are counted by.
    using Tell = std::function<std::size_t(Report const &)>;
    using Repeat = std::function<void(std::size_t)>;

    struct Wishes final {
        bool handled; // faults that the program's handler took
    };
    Rules(Wishes wishes, Processes &processes, Tell tell, Repeat repeat) : wishes_ { wishes }, processes_ { processes }, new_ { std::move(tell) }, repeat_ { std::move(repeat) } {}

    // Remembers, and judges what needs nothing but the past.
    void see(observe::EventNo n, observe::Event const &e);

    // Judges what may be followed by what explains it, or takes it back: an event that lies in the log `log` no more was taken back.
    void settle(observe::LogReader const &log);
    bool unsettled() const noexcept { return !pending_.empty(); }

    // The first process has ended by itself.
    void at_exit();

    // Events are missing: what is known of windows cannot be relied upon.
    void missed_some() noexcept { complete_ = false; }

private:
    // A byte of a file, as things stood when something happened to it.
    struct Scene final {
        std::uint64_t offset;
        std::optional<observe::Event> slot;  // the memslot that shows it
        std::vector<observe::Event> history; // of its page, latest last
    };
    struct Pending final {
        observe::EventNo number;
        Past what;
        Scene scene;
        std::optional<Past> cause; // the pin, or what made the page private
    };
    Scene scene(observe::Event const &e, std::uint64_t offset) const;
    std::optional<Past> cause_of(observe::Event const &e) const;
    bool wanted(observe::Event const &e) const;
    void judge(Pending const &p);
    void access(Pending const &p);
    void refused(Pending const &p);
    void platform_refused(Pending const &p);
    void changed(Past const &p);
    void bound(Past const &p);
    void launched(Past const &p);
    void host_accessed(Pending const &p);

    bool again(Kind k, Past const &p);
    void tell(Past const &p, Report const &r);
    Report begin(Kind k, Past const &p, std::string headline);
    void add_access(Report &r, MemoryAccess const &a, std::uint64_t hva);
    void add_place(Report &r, observe::Event const &e, Scene const &s);
    void add_origin(Report &r, observe::Event const &e, std::optional<Past> const &origin);
    void add_history(Report &r, observe::Event const &e, Scene const &s);
    std::string who(observe::Event const &e) const;

    Wishes wishes_;
    Processes &processes_;
    Tell new_;
    Repeat repeat_;
    std::map<std::pair<Kind, StackId>, std::size_t> told_; // who makes the same mistake in a loop costs no unwinding
    History history_;
    std::vector<Pending> pending_;
    bool complete_ { true };
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::deque<std::uint64_t>> changes_; // by file and first byte: times
};

} // namespace gmem::cli::reports
