#pragma once
// What the program wants to happen at a signal whose real handler is gmem's.
//
// Invariants:
//   V1  the program reads what it wrote last, whatever the kernel has.
//   V2  an action with SA_RESETHAND is taken once: for whoever comes later it is the default.

#include "os/linux_abi.hpp"
#include "os/mutex.hpp"

#include <csignal>

namespace gmem::os {

// The handler that an action names; nullptr where it names none: the default, or to ignore the signal.
inline void *handler_of(KernelSigaction const &a) noexcept { return a.handler == reinterpret_cast<void *>(SIG_IGN) ? nullptr : a.handler; }
inline bool ignores(KernelSigaction const &a) noexcept { return a.handler == reinterpret_cast<void *>(SIG_IGN); }

// Calls the handler of an action that has one, as the kernel would; the mask is the caller's affair.
inline void call(KernelSigaction const &a, int signal, siginfo_t &info, void *context) noexcept
{
    if (a.flags & SA_SIGINFO)
        reinterpret_cast<void (*)(int, siginfo_t *, void *)>(a.handler)(signal, &info, context);
    else
        reinterpret_cast<void (*)(int)>(a.handler)(signal);
}

class VirtualAction final {
public:
    // What was in force when the real handler became gmem's. Before anybody else knows of the signal.
    void begin(KernelSigaction const &real) noexcept GMEM_EXCLUDES(lock_);

    // rt_sigaction. Either pointer may be null. `realize` is told of the new action before the next one can be set.
    using Realize = void (*)(int signal, KernelSigaction const &wished) noexcept;
    void exchange(int signal, KernelSigaction const *next, KernelSigaction *previous, Realize realize) noexcept GMEM_EXCLUDES(lock_);

    KernelSigaction now() noexcept GMEM_EXCLUDES(lock_);
    // For a signal that has come.
    KernelSigaction take() noexcept GMEM_EXCLUDES(lock_);

    // After fork, in the child: another thread may have held the lock.
    void continue_in_child() noexcept { lock_.reset_after_fork(); }

private:
    Mutex lock_;
    KernelSigaction action_ GMEM_GUARDED_BY(lock_) {};
};

} // namespace gmem::os
