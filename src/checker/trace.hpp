#pragma once
// A trace as the checker takes it, wherever it comes from: gmem's own log, its text form, strace, ftrace.

#include "observe/event.hpp"
#include "spec/content.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gmem::checker {

struct Step final {
    observe::Event event;
    std::uint64_t number { 0 }; // the event's number in a log; elsewhere it is counted from 0
    std::uint64_t line { 0 };   // 0: the trace has no lines
    bool arguments_known { true };   // false: only who, which file and the result; strace sees no structures
    std::string name {};        // what lay behind the event: a process's executable
};

// How a trace says what was first.
//   lines    by the order of its lines: nothing in it overlaps, but for calls that strace shows in two pieces.
//   clocks   by times. What is an instant was noted after it happened.
//   effects  as gmem's log: events that change a file have their numbers in the order in which the file saw them; others were numbered after they happened.
enum class Order : std::uint8_t { lines, clocks, effects };

// What is true of the whole trace.
struct Facts final {
    bool from_beginning { false }; // false: files, slots and pins may be older than the trace
    Order order { Order::lines };
    bool all_pins { false };       // true: who holds a page is in the trace, so EAGAIN needs a reason there
    bool all_effects { false };    // true: what a conversion did to bytes is in the trace
    spec::Profile profile { spec::Profile::mainline };
    std::optional<bool> in_place, vm_attributes; // how the kernel was loaded and built (1.6); empty: not said
};

struct Trace final {
    Facts facts;
    std::vector<Step> steps;
    std::uint64_t missing { 0 }; // events that were dropped, overwritten, or never finished
};

// Thrown where a file is no trace.
struct Unusable final {
    std::string why;
    std::uint64_t line { 0 };
};

} // namespace gmem::checker
