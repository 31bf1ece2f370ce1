#pragma once
// Who an event is about: process and thread, asked once and remembered. And what this thread's last stack was.

#include "observe/event.hpp"

namespace gmem::observe {

struct Who final {
    std::uint32_t process, thread;
};
Who who() noexcept;

// In a child that has just been forked: what was remembered is the parent's.
void forget_who() noexcept;

} // namespace gmem::observe
