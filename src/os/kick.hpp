#pragma once
// A kick: one thread ends another's system call early (EINTR), and the program notices nothing. Its signals keep their meaning:
// what arrives in the same instant stays pending, and is seen by whoever decides whether the call goes on.
//
// The signal is the one that libc keeps for thread cancellation: programs can neither handle nor block it. It is sent with a code
// that libc's own handler ignores, and our handler stands only where libc has none yet.

#include "base/result.hpp"
#include "os/signals.hpp"

namespace gmem::os {

inline constexpr int kick_signal { 32 };
inline constexpr KernelSignalSet kick_bit { KernelSignalSet { 1 } << (kick_signal - 1) };

// Once a process; the handler that receives kicks.
Status prepare_kicks() noexcept;

// Kicks a thread of this process.
void kick(int tid) noexcept;

// An ioctl that a kick may end. When one has (EINTR and kick_taken()), every other signal is blocked from before the call returns
// until end_of_kick(): nothing of the program's runs between the two.
long kickable_ioctl(int fd, unsigned long command, unsigned long argument) noexcept;
bool kick_taken() noexcept;
// The mask that the thread had; valid while a kick is taken.
KernelSignalSet mask_before_kick() noexcept;
void end_of_kick() noexcept;

// Is a signal pending that `mask` lets through?
bool signal_waits(KernelSignalSet mask) noexcept;

} // namespace gmem::os
