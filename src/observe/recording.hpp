#pragma once
// What the places call where something happens. Without a log: one load and a branch.
//
//     observe::Recording event { observe::Kind::convert };
//     auto const result { ... };
//     if (event)
//         event.done({ .file = inode, .offset = ..., .size = ... }, result);

#include "base/result.hpp"
#include "observe/event.hpp"
#include "observe/log.hpp"

namespace gmem::observe {

enum class Asks : std::uint8_t { nobody, who_called };

// Fills in what every event has and appends it. `began`: now() of before; 0 where it is an instant.
EventNo record(Event e, std::uint64_t began, Asks asks) noexcept;

class Recording final {
public:
    explicit Recording(Kind k, Asks asks = Asks::nobody) noexcept : kind_ { k }, asks_ { asks }
    {
        if (Log::on()) [[unlikely]]
            began_ = start();
    }
    explicit operator bool() const noexcept { return began_ != 0; }

    EventNo done(Event e) noexcept
    {
        e.kind = kind_;
        return record(e, began_, asks_);
    }
    // With the errno, the offending byte and our reason of a failure.
    EventNo done(Event e, Error const *error) noexcept
    {
        if (error) {
            e.result = -error->err;
            e.at = error->at ? raw(*error->at) : 0;
        }
        return done(e);
    }

private:
    static std::uint64_t start() noexcept;

    Kind kind_;
    Asks asks_;
    std::uint64_t began_ { 0 };
};

// For what takes no time.
inline EventNo note(Kind k, Event e, Asks asks = Asks::nobody) noexcept
{
    if (!Log::on()) [[likely]]
        return EventNo::none;
    e.kind = k;
    return record(e, 0, asks);
}

} // namespace gmem::observe
