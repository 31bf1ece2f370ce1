#pragma once
// The events of a trace in the order in which they began, and which of them may have happened at the same time.

#include "checker/time.hpp"
#include "checker/trace.hpp"

namespace gmem::checker {

struct Ordered final {
    Step const *step;
    Span span;
};

// What may have been earlier than the trace says was later than what its thread did before.
// A thread's name in a trace of several processes.
std::uint64_t thread_of(observe::Event const &e);

std::vector<Ordered> in_order(Trace const &trace);

// From the call's begin to its end, on the clock; where the log has an order of its own it says nothing of that.
Span by_clock(Ordered const &event, Order order);

} // namespace gmem::checker
