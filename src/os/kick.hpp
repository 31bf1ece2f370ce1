#pragma once
// A kick: one thread ends another's system call early (EINTR), and the program notices nothing. Its signals are blocked meanwhile: what
// arrives in the same instant stays pending, and is seen by whoever decides whether the call goes on.
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

// Kicks a thread of this process. False: there is no such thread.
bool kick(int tid) noexcept;
// The same for a thread without TLS (bare_thread.hpp).
void bare_kick(int tid) noexcept;

// Blocks every signal but kicks on the calling thread for a scope: what the program's handlers would see is then decided by the
// mask inside KVM_RUN and by signal_waits(), never by chance.
class OnlyKicks final {
public:
    OnlyKicks() noexcept
    {
        KernelSignalSet const all { ~kick_bit };
        system_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof before_);
    }
    ~OnlyKicks() { system_call(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }
    OnlyKicks(OnlyKicks const &) = delete;
    KernelSignalSet before() const noexcept { return before_; }

private:
    KernelSignalSet before_ { 0 };
};

// Is a signal pending that `mask` lets through?
bool signal_waits(KernelSignalSet mask) noexcept;

} // namespace gmem::os
