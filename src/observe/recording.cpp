#include "observe/recording.hpp"

#include "observe/clock.hpp"
#include "observe/probes.hpp"
#include "observe/stack.hpp"
#include "observe/who.hpp"

#include <algorithm>
#include <limits>
#include <new>

namespace gmem::observe {
namespace {

// An address, as mmap returns it, is no result that fits: success.
std::int32_t fitted(std::int64_t result) noexcept { return result >= std::numeric_limits<std::int32_t>::min() && result <= std::numeric_limits<std::int32_t>::max() ? static_cast<std::int32_t>(result) : 0; }

EventNo append(Event &e, Asks asks) noexcept
{
    auto const [process, thread] { who() };
    e.process = process;
    e.thread = thread;
    if (asks == Asks::who_called)
        e.stack = Stack::of_caller();
    return Log::append(e);
}

} // namespace

EventNo record(Event e, std::uint64_t began, Asks asks) noexcept
{
    auto const time { now() };
    e.time = began ? began : time;
    e.duration = began ? time - began : 0;
    auto const n { append(e, asks) };
    fire(e);
    return n;
}

void Recording::start(Kind k) noexcept
{
    ::new (&event_) Event {};
    event_.kind = k;
    event_.time = began_ = now();
    Log::prepare();
}

void Recording::write_slowly(std::int64_t result) noexcept
{
    event_.result = fitted(result);
    if (number_ == EventNo::none)
        number_ = append(event_, asks_); // the duration follows: time is not asked under a lock
}

void Recording::withdraw() noexcept
{
    Log::withdraw(number_);
    number_ = EventNo::none;
}

// Duration and result of an event that is in its place already: the rest of it does not change any more.
void Recording::done_slowly(std::int64_t result) noexcept
{
    event_.result = fitted(result);
    event_.duration = now() - began_;
    if (number_ == EventNo::none)
        number_ = append(event_, asks_);
    else
        Log::amend(number_, event_);
    fire(event_);
}

} // namespace gmem::observe
