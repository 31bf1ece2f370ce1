#include "checker/order.hpp"

#include <algorithm>
#include <unordered_map>

namespace gmem::checker {
namespace {

using observe::Event;
using observe::Kind;

std::uint64_t end_of(Event const &e) { return e.duration > never - e.time ? never : e.time + e.duration; }

// observe/README.md, Order.
bool numbered_by_effect(Event const &e)
{
    switch (e.kind) {
    case Kind::process:
    case Kind::create:
    case Kind::convert:
    case Kind::punch:
    case Kind::pin:
    case Kind::unpin:
    case Kind::map:
    case Kind::access:
    case Kind::bind:
    case Kind::unbind:
        return true;
    default:
        return false;
    }
}

Span stated(Step const &s, Order order)
{
    switch (order) {
    case Order::lines:   return { s.event.time, end_of(s.event) };
    case Order::clocks:  return { s.event.time, end_of(s.event) };
    case Order::effects: return { s.number, s.number };
    }
    __builtin_unreachable();
}

bool may_have_been_earlier(Event const &e, Order order) { return order == Order::clocks ? e.duration == 0 : order == Order::effects && !numbered_by_effect(e); }

} // namespace

std::uint64_t thread_of(Event const &e) { return (std::uint64_t { e.process } << 32) | e.thread; }

Span by_clock(Ordered const &o, Order order)
{
    auto const &e { o.step->event };
    return order == Order::effects ? Span { e.time, end_of(e) } : o.span;
}

std::vector<Ordered> in_order(Trace const &trace)
{
    std::vector<Ordered> all;
    all.reserve(trace.steps.size());
    for (auto const &s : trace.steps)
        all.push_back({ &s, stated(s, trace.facts.order) });
    // First by their ends, as threads are asked for what they did before.
    std::stable_sort(all.begin(), all.end(), [](Ordered const &a, Ordered const &b) { return a.span.end < b.span.end; });
    std::unordered_map<std::uint64_t, std::uint64_t> ended;
    for (auto &o : all) {
        auto const &e { o.step->event };
        auto &before { ended[thread_of(e)] };
        if (may_have_been_earlier(e, trace.facts.order))
            o.span.begin = before;
        before = o.span.end == never ? never : o.span.end + 1;
        o.span.begin = std::min(o.span.begin, o.span.end);
    }
    std::stable_sort(all.begin(), all.end(), [](Ordered const &a, Ordered const &b) { return a.span.begin < b.span.begin; });
    return all;
}

} // namespace gmem::checker
