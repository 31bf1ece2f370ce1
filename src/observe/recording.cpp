#include "observe/recording.hpp"

#include "observe/clock.hpp"
#include "observe/stack.hpp"
#include "observe/who.hpp"

namespace gmem::observe {

std::uint64_t Recording::start() noexcept { return now(); }

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

} // namespace gmem::observe
