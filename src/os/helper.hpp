#pragma once
// The helper thread: a thread of this process with a descriptor table of its own, in which gmem's hidden descriptors are
// out of reach of close(), closefrom() and close_range(). It does one thing: make a system call that somebody asked for.
//
// Invariants:
//   H1  it holds only the descriptors that it was born with (kept) and those that requests opened.
//   H2  it never receives a signal, allocates, or touches the program's memory except where a request's arguments say so.
//   H3  at most one request is under way; the asker holds lock_ with its signals blocked.

#include "base/result.hpp"
#include "os/bare_thread.hpp"
#include "os/helper_loop.hpp"
#include "os/mutex.hpp"
#include "os/syscall.hpp"

#include <span>

namespace gmem::os {

// A descriptor number in the helper's table. Meaningless anywhere else, hence not an int.
enum class HelperFd : int { none = -1 };

class Helper final {
public:
    // Starts the thread; `kept` (ascending) are descriptors of the caller that stay open in the private table. Signals must be blocked.
    static Status start(std::span<int const> kept) noexcept;

    static bool running() noexcept { return tid_ != 0; }
    static int tid() noexcept { return tid_; }

    // One system call made by the helper, with its descriptors. The kernel's result. Signals must be blocked.
    template <typename... Args>
    static long call(long nr, Args... args) noexcept
    {
#ifdef GMEM_FAILURE_POINTS
        if (auto const err { failure_at_call(nr) })
            return -err;
#endif
        long const words[6] { word(args)... };
        return ask(nr, words);
    }

    // Another bare thread, with the helper's descriptors. Its tid, or -errno. Signals must be blocked.
    static long start_thread(BareThread const &how) noexcept;

    // call() for one that is made of words already.
    static long ask_directly(long nr, long const (&arguments)[6]) noexcept { return ask(nr, arguments); }

    // In a forked child: the thread was not copied.
    static void forget_after_fork() noexcept;

private:
    static long ask(long nr, long const (&arguments)[6]) noexcept;

    static Mutex lock_;
    static int tid_;
    static HelperRequest request_;
    static HelperBirth birth_;
};

} // namespace gmem::os
