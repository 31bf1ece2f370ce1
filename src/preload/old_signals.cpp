// The older names of signal actions and masks. libc's own go past sigaction() and sigprocmask(), so for SIGBUS they are made of ours.

#include "memory/sigbus.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"
#include "preload/signal_masks.hpp"

#include <csignal>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" // programs call them all the same

using namespace gmem;
using memory::Sigbus;

namespace {

constinit std::atomic<bool> interrupts { false }; // siginterrupt(SIGBUS, 1)

bool is_virtual(int signal) noexcept { return (Sigbus::is_virtual(signal) && Sigbus::installed()) || preload::Processor::owns(signal); }

sighandler_t replace(int number, sighandler_t handler, int flags) noexcept
{
    struct sigaction next {};
    next.sa_handler = handler;
    next.sa_flags = flags;
    struct sigaction previous {};
    return handler == SIG_ERR || sigaction(number, &next, &previous) != 0 ? preload::refuse<long>(EINVAL), SIG_ERR : previous.sa_handler;
}

// BSD semantics: calls are restarted.
int bsd_flags() noexcept { return interrupts.load(std::memory_order_relaxed) ? 0 : SA_RESTART; }

int change_one(int how, int number) noexcept
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    return sigprocmask(how, &one, nullptr);
}

// The masks of 4.2BSD are one int.
int change_old(int how, int mask, bool given) noexcept
{
    sigset_t set, previous;
    sigemptyset(&set);
    preload::set_first_word(set, static_cast<unsigned>(mask));
    if (sigprocmask(how, given ? &set : nullptr, &previous) != 0)
        return -1;
    return static_cast<int>(preload::first_word(previous));
}

} // namespace

GMEM_EXPORT sighandler_t signal(int number, sighandler_t handler) noexcept { return is_virtual(number) ? replace(number, handler, bsd_flags()) : GMEM_NEXT(signal)(number, handler); }
extern "C" sighandler_t bsd_signal(int, sighandler_t) noexcept;
GMEM_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler) noexcept { return signal(number, handler); }
GMEM_EXPORT sighandler_t ssignal(int number, sighandler_t handler) noexcept { return signal(number, handler); }

// System V semantics: once, and not blocked meanwhile.
GMEM_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler) noexcept
{
    return is_virtual(number) ? replace(number, handler, static_cast<int>(SA_RESETHAND) | SA_NODEFER) : GMEM_NEXT(__sysv_signal)(number, handler);
}
GMEM_EXPORT sighandler_t sysv_signal(int number, sighandler_t handler) noexcept { return __sysv_signal(number, handler); }

GMEM_EXPORT int siginterrupt(int number, int interrupt) noexcept
{
    if (!is_virtual(number))
        return GMEM_NEXT(siginterrupt)(number, interrupt);
    struct sigaction action {};
    sigaction(number, nullptr, &action);
    action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
    interrupts.store(interrupt != 0, std::memory_order_relaxed);
    return sigaction(number, &action, nullptr);
}

GMEM_EXPORT int sighold(int number) noexcept { return Sigbus::is_virtual(number) ? change_one(SIG_BLOCK, number) : GMEM_NEXT(sighold)(number); }
GMEM_EXPORT int sigrelse(int number) noexcept { return Sigbus::is_virtual(number) ? change_one(SIG_UNBLOCK, number) : GMEM_NEXT(sigrelse)(number); }
GMEM_EXPORT int sigignore(int number) noexcept { return is_virtual(number) ? (replace(number, SIG_IGN, 0) == SIG_ERR ? -1 : 0) : GMEM_NEXT(sigignore)(number); }
GMEM_EXPORT sighandler_t sigset(int number, sighandler_t disposition) noexcept
{
    if (!Sigbus::is_virtual(number))
        return GMEM_NEXT(sigset)(number, disposition);
    sigset_t before;
    sigprocmask(SIG_BLOCK, nullptr, &before);
    bool const held { sigismember(&before, number) == 1 };
    struct sigaction now {};
    sigaction(number, nullptr, &now);
    if (disposition == SIG_HOLD)
        change_one(SIG_BLOCK, number);
    else if (replace(number, disposition, 0) == SIG_ERR)
        return SIG_ERR;
    else
        change_one(SIG_UNBLOCK, number);
    return held ? SIG_HOLD : now.sa_handler;
}

GMEM_EXPORT int sigblock(int mask) noexcept { return change_old(SIG_BLOCK, mask, true); }
GMEM_EXPORT int sigsetmask(int mask) noexcept { return change_old(SIG_SETMASK, mask, true); }
GMEM_EXPORT int siggetmask() noexcept { return change_old(SIG_BLOCK, 0, false); }

extern "C" int __sigpause(int, int);
GMEM_EXPORT int __sigpause(int what, int is_signal)
{
    sigset_t set;
    sigemptyset(&set);
    if (is_signal) {
        sigprocmask(SIG_BLOCK, nullptr, &set);
        if (sigdelset(&set, what) != 0)
            return -1;
    } else {
        preload::set_first_word(set, static_cast<unsigned>(what));
    }
    return sigsuspend(&set);
}
// The header gives one name to two functions: System V's takes a signal, BSD's a mask.
extern "C" int gmem_xpg_sigpause(int) asm("__xpg_sigpause");
GMEM_EXPORT int gmem_xpg_sigpause(int signal) { return __sigpause(signal, 1); }
extern "C" int gmem_bsd_sigpause(int) asm("sigpause");
GMEM_EXPORT int gmem_bsd_sigpause(int mask) { return __sigpause(mask, 0); }
