#pragma once
// Threads that the program restricted with seccomp. Such a thread makes no system call of gmem's that its filters do not allow: the helper
// thread makes it instead (syscall.hpp). gmem knows the filters because it sees them being installed, and asks them as the kernel would.
//
// Invariants:
//   F1  a thread's list names every filter that it installed or inherited through us, newest first; lists are never changed or freed.
//   F2  everyone() names the filters that bind the helper as well (TSYNC).

#include "base/result.hpp"

#include <cstdint>

struct sock_fprog;

namespace gmem::os {

class Filter;

class Restrictions final {
public:
    // Is the calling thread restricted?
    static bool any() noexcept { return mine_ || everyone_; }

    // Would the kernel let the calling thread make this call?
    static bool permitted(long nr, long const (&arguments)[6]) noexcept { return permits(mine_, nr, arguments) && permits(everyone_, nr, arguments); }
    static bool bind_helper() noexcept { return everyone_ != nullptr; }
    static bool permitted_to_helper(long nr, long const (&arguments)[6]) noexcept { return permits(everyone_, nr, arguments); }

    // A filter that the program is about to install, on top of the calling thread's. Nullptr where it cannot be read: the kernel will
    // refuse it as well.
    static Filter const *read(sock_fprog const *program) noexcept;

    // It was installed. `all`: with TSYNC, in every thread.
    static void enter(Filter const *filter, bool all) noexcept;

    // What a new thread takes over from the one that makes it.
    static Filter const *of_this_thread() noexcept { return mine_; }

private:
    static bool permits(Filter const *newest, long nr, long const (&arguments)[6]) noexcept;

    [[gnu::tls_model("initial-exec")]] static thread_local constinit Filter const *mine_;
    static constinit Filter const *everyone_;
};

} // namespace gmem::os
