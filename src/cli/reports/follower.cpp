#include "cli/reports/follower.hpp"

#include <chrono>
#include <thread>

namespace gmem::cli::reports {

std::uint64_t Follower::catch_up(Visit const &visit)
{
    using namespace std::chrono;
    auto const begin { next_ }, end { observe::raw(log_.last()) };
    bool overtaken { false };
    while (next_ < end) {
        if (auto const first { observe::raw(log_.first()) }; next_ < first) {
            missed_ += first - next_;
            next_ = first;
            overtaken = true; // among the bytes of an event that is gone, perhaps
        }
        auto e { log_.at(observe::EventNo { next_ }) };
        // Whoever has taken the place fills it at once, unless he was killed.
        for (auto const given_up { steady_clock::now() + milliseconds { 50 } }; !e && !overtaken && !log_.holds_no_event(observe::EventNo { next_ }) && steady_clock::now() < given_up && next_ >= observe::raw(log_.first());
             e = log_.at(observe::EventNo { next_ }))
            std::this_thread::sleep_for(microseconds { 200 });
        if (!e) {
            missed_ += !log_.holds_no_event(observe::EventNo { next_ });
            ++next_;
            continue;
        }
        overtaken = false;
        behind_.resize(observe::bytes_behind(*e) <= 65536 ? observe::bytes_behind(*e) : 0);
        if (behind_.empty() || log_.bytes_behind(observe::EventNo { next_ }, *e, behind_))
            visit(observe::EventNo { next_ }, *e, behind_);
        else
            ++missed_;
        next_ += 1 + (behind_.empty() ? 0 : observe::slots_behind(*e));
    }
    return next_ - begin;
}

} // namespace gmem::cli::reports
