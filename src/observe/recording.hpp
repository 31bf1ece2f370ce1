#pragma once
// What the places call where something happens. Without a log: one load and a branch.
//
//     observe::Recording event { observe::Kind::punch };
//     if (event)
//         event->offset = ...;
//     ... under the lock that orders the effect: event.write(result);
//     event.done(result);

#include "base/result.hpp"
#include "observe/event.hpp"
#include "observe/log.hpp"

namespace gmem::observe {

enum class Asks : std::uint8_t { nobody, who_called };

// Fills in what every event has and appends it. `began`: now() of before; 0 where it is an instant.
EventNo record(Event e, std::uint64_t began, Asks asks) noexcept;

// The result of a call as the program sees it.
inline std::int32_t result_of(Status const &s) noexcept { return s ? 0 : -s.error().err; }

// One call of the program's, of a kind that takes time.
//
// Invariants:
//   R1  with a log every Recording that was done() or written has one event, else none.
//   R2  write() takes the event's place in the log: whoever calls it under a lock has the log in the order of that lock.
class Recording final {
public:
    explicit Recording(Kind k, Asks asks = Asks::nobody) noexcept : asks_ { asks }
    {
        if (Log::on()) [[unlikely]]
            start(k);
    }
    Recording(Recording const &) = delete;
    explicit operator bool() const noexcept { return began_ != 0; }

    // What is known of it. Only of one that is on.
    Event *operator->() noexcept { return &event_; }

    // It has its effect now, or never will. Later calls change the result only.
    void write(std::int64_t result) noexcept
    {
        if (began_) [[unlikely]]
            write_slowly(result);
    }
    void write(Status const &s) noexcept { write(result_of(s)); }

    // What was written is not the call's end: it is tried again.
    void withdraw() noexcept;

    // The call is over.
    void done(std::int64_t result) noexcept
    {
        if (began_) [[unlikely]]
            done_slowly(result);
    }
    void done(Status const &s) noexcept { done(result_of(s)); }

    EventNo number() const noexcept { return number_; }

private:
    void start(Kind k) noexcept;
    void write_slowly(std::int64_t result) noexcept;
    void done_slowly(std::int64_t result) noexcept;

    Asks asks_;
    EventNo number_ { EventNo::none };
    std::uint64_t began_ { 0 };
    union { // not even zeroed where nobody asks
        Event event_;
    };
};

// For what takes no time, or whose begin is known by other means.
inline EventNo note(Kind k, Event e, Asks asks = Asks::nobody) noexcept
{
    if (!Log::on()) [[likely]]
        return EventNo::none;
    e.kind = k;
    return record(e, 0, asks);
}

} // namespace gmem::observe
