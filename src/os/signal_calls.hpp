#pragma once
// Signal calls as gmem makes them: the kernel's own structures, no libc bookkeeping.

#include "base/result.hpp"
#include "os/linux_abi.hpp"
#include "os/syscall.hpp"

#include <csignal>

namespace gmem::os {

using SignalHandler = void (*)(int, siginfo_t *, void *);

// SA_SIGINFO, on the alternate stack where there is one, never blocking itself; `more` flags are added.
Status set_signal_handler(int signal, SignalHandler handler, std::uint64_t more) noexcept;
Status current_action(int signal, KernelSigaction &out) noexcept;
void set_default_action(int signal) noexcept;

// Adds to the calling thread's real mask.
void block_signals(std::uint64_t mask) noexcept;
void raise_at_this_thread(int signal) noexcept;

// kill(), sigqueue() and the like, as opposed to a fault.
inline bool sent_by_a_process(siginfo_t const &info) noexcept { return info.si_code <= 0; }

} // namespace gmem::os
