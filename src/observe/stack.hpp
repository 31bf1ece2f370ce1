#pragma once
// Who called: a copy of the piece of stack above the place where the program entered gmem. Whoever wants names walks it later, elsewhere, with the unwind
// tables of the program's files. A stack that this thread has just left a copy of is not copied again.

#include "observe/event.hpp"

#include <cstddef>

namespace gmem::observe {

// The registers that a walk begins with.
struct Frame final {
    std::uintptr_t instruction, stack_pointer, frame_pointer;
};

class Stack final {
public:
    static constexpr std::size_t most_bytes { 9 * sizeof(Event) };

    // From where this library was entered. none: no log, nobody asks for stacks, or it cannot be told.
    [[gnu::noinline]] static EventNo of_caller() noexcept;
    // From a given place, as a signal's context has it: whatever the registers hold, only what is there is read.
    static EventNo of(Frame f) noexcept;
};

} // namespace gmem::observe
