// Signal calls: SIGBUS is virtual (memory/sigbus.hpp). The program sets and queries its own action and mask; the real ones stay ours.

#include "memory/sigbus.hpp"
#include "os/signal_calls.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"

#include <csignal>
#include <cstring>
#include <pthread.h>

using namespace gmem;
using memory::Sigbus;

namespace {

// libc's struct sigaction and the kernel's, each way.
os::KernelSigaction to_kernel(struct sigaction const &a) noexcept
{
    os::KernelSigaction k { nullptr, static_cast<std::uint64_t>(static_cast<unsigned>(a.sa_flags)), nullptr, 0 };
    k.handler = reinterpret_cast<void *>(a.sa_sigaction);
    std::memcpy(&k.mask, &a.sa_mask, sizeof k.mask);
    return k;
}

struct sigaction to_libc(os::KernelSigaction const &k) noexcept
{
    constexpr std::uint64_t sa_restorer { 0x04000000 };
    struct sigaction a {};
    a.sa_sigaction = reinterpret_cast<void (*)(int, siginfo_t *, void *)>(k.handler);
    a.sa_flags = static_cast<int>(k.flags & ~sa_restorer);
    std::memcpy(&a.sa_mask, &k.mask, sizeof k.mask);
    return a;
}

// While no gmem exists the real action is the program's: nothing is virtual yet.
int sigaction_of_sigbus(struct sigaction const *next, struct sigaction *previous) noexcept
{
    preload::ErrnoKept kept;
    os::KernelSigaction before {};
    if (next) {
        auto const wanted { to_kernel(*next) };
        Sigbus::exchange(&wanted, &before);
    } else {
        Sigbus::exchange(nullptr, &before);
    }
    if (previous)
        *previous = to_libc(before);
    return 0;
}

// SIGBUS is taken out of what is really blocked; the thread's belief is kept beside.
template <typename Change>
int change_mask(int how, sigset_t const *set, sigset_t *previous, Change &&change) noexcept
{
    bool const believed { Sigbus::believed_blocked() };
    bool belief { believed };
    sigset_t real {};
    if (set) {
        real = *set;
        bool const named { sigismember(set, SIGBUS) == 1 };
        if (how == SIG_BLOCK)
            belief = believed || named;
        else if (how == SIG_UNBLOCK)
            belief = believed && !named;
        else if (how == SIG_SETMASK)
            belief = named;
        if (how == SIG_BLOCK || how == SIG_SETMASK)
            sigdelset(&real, SIGBUS);
    }
    auto const result { change(set ? &real : nullptr) };
    if (result != 0)
        return result;
    if (previous && believed)
        sigaddset(previous, SIGBUS);
    if (belief != believed) {
        preload::ErrnoKept kept;
        if (belief)
            (void)Sigbus::install(); // a SIGBUS that somebody sends must wait, and only our handler can keep it
        Sigbus::believe_blocked(belief);
    }
    return 0;
}

} // namespace

GMEM_EXPORT int sigaction(int signal, struct sigaction const *next, struct sigaction *previous) noexcept
{
    if (signal != SIGBUS || !Sigbus::installed()) [[likely]]
        return GMEM_NEXT(sigaction)(signal, next, previous);
    return sigaction_of_sigbus(next, previous);
}

extern "C" int __sigaction(int, struct sigaction const *, struct sigaction *) noexcept;
GMEM_EXPORT int __sigaction(int signal, struct sigaction const *next, struct sigaction *previous) noexcept { return sigaction(signal, next, previous); }

GMEM_EXPORT sighandler_t signal(int number, sighandler_t handler) noexcept
{
    if (number != SIGBUS || !Sigbus::installed()) [[likely]]
        return GMEM_NEXT(signal)(number, handler);
    struct sigaction next {};
    next.sa_handler = handler;
    next.sa_flags = SA_RESTART; // BSD semantics, as glibc's signal()
    struct sigaction previous {};
    sigaction_of_sigbus(&next, &previous);
    return previous.sa_handler;
}

GMEM_EXPORT int sigprocmask(int how, sigset_t const *set, sigset_t *previous) noexcept
{
    return change_mask(how, set, previous, [&](sigset_t const *real) noexcept { return GMEM_NEXT(sigprocmask)(how, real, previous); });
}
GMEM_EXPORT int pthread_sigmask(int how, sigset_t const *set, sigset_t *previous) noexcept
{
    return change_mask(how, set, previous, [&](sigset_t const *real) noexcept { return GMEM_NEXT(pthread_sigmask)(how, real, previous); });
}
