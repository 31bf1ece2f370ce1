#pragma once
// What happens to gmem when the program forks. The child has neither the helper thread nor the windows (MADV_DONTFORK): its windows
// are mapped anew, gated and closed, before any code of the program runs there. A clone() that nobody tells this of finds nothing at their addresses.

namespace gmem::memory {

struct Window;

class Fork final {
public:
    // Around fork(), as pthread_atfork handlers: prepare and in_parent on the forking thread, in_child in the child.
    static void prepare() noexcept;
    static void in_parent() noexcept;
    static void in_child() noexcept;

private:
    static void take_addresses() noexcept;
    static void restore() noexcept;
    static bool map_again(Window &w) noexcept; // false: the child has no such window
};

} // namespace gmem::memory
