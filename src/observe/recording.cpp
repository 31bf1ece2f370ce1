#include "observe/recording.hpp"

#include "observe/clock.hpp"
#include "observe/stack.hpp"
#include "observe/who.hpp"

#include <algorithm>
#include <limits>
#include <new>

namespace gmem::observe {
namespace {

// An address, as mmap returns it, is no result that fits: success.
std::int32_t fitted(std::int64_t result) noexcept { return result >= std::numeric_limits<std::int32_t>::min() && result <= std::numeric_limits<std::int32_t>::max() ? static_cast<std::int32_t>(result) : 0; }

} // namespace

EventNo record(Event e, std::uint64_t began, Asks asks) noexcept
{
    auto const time { now() };
    auto const [process, thread] { who() };
    e.time = began ? began : time;
    e.duration = began ? time - began : 0;
    e.process = process;
    e.thread = thread;
    if (asks == Asks::who_called)
        e.stack = Stack::of_caller();
    return Log::append(e);
}

void Recording::start(Kind k) noexcept
{
    ::new (&event_) Event {};
    event_.kind = k;
    began_ = now();
}

void Recording::write_slowly(std::int64_t result) noexcept
{
    event_.result = fitted(result);
    if (number_ == EventNo::none)
        number_ = record(event_, began_, asks_);
}

void Recording::withdraw() noexcept
{
    Log::withdraw(number_);
    number_ = EventNo::none;
}

// Duration and result of an event that is in its place already: the rest of it does not change any more.
void Recording::done_slowly(std::int64_t result) noexcept
{
    if (number_ == EventNo::none)
        return write_slowly(result);
    event_.result = fitted(result);
    event_.duration = now() - began_;
    Log::amend(number_, event_);
}

} // namespace gmem::observe
