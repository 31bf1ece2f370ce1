#pragma once
// This process's part in a session: finds the log that `gmem run` made (GMEM_SESSION: a path), and says who it is.

#include <string_view>

namespace gmem::observe {

enum class Arrival : unsigned char { began, forked };

class Session final {
public:
    // Once, when the process begins. A log that cannot be opened is no reason to fail: the program then runs unobserved.
    static void join(char const *path) noexcept;

    // In a child that has just been forked: it writes to its parent's log, under its own name.
    static void continue_in_child() noexcept;

    // What code is mapped where, for who reads stacks later. Again after the program loaded more.
    static void note_modules() noexcept;
};

} // namespace gmem::observe
