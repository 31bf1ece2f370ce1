#pragma once
// Keeps every signal away from the calling thread for a scope: a conversion, like the kernel's, is not interrupted.

#include "os/syscall.hpp"

#include <csignal>
#include <cstdint>

namespace gmem::os {

using KernelSignalSet = std::uint64_t; // the kernel's sigset_t: 64 bits, not libc's 1024
static_assert(sizeof(KernelSignalSet) == 8);

class SignalsBlocked final {
public:
    SignalsBlocked() noexcept
    {
        KernelSignalSet const all { ~KernelSignalSet { 0 } };
        system_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof before_);
    }
    ~SignalsBlocked() { system_call(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }
    SignalsBlocked(SignalsBlocked const &) = delete;

    KernelSignalSet before() const noexcept { return before_; }

    // Did a signal come that the thread would otherwise have noticed by now?
    bool one_waits() const noexcept
    {
        KernelSignalSet pending { 0 };
        system_call(SYS_rt_sigpending, &pending, sizeof pending);
        return (pending & ~before_) != 0;
    }

private:
    KernelSignalSet before_ { 0 };
};

} // namespace gmem::os
