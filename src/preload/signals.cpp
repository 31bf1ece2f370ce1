// Signal actions and masks: SIGBUS is virtual (memory/sigbus.hpp). The program sets and queries its own action and mask; the real ones
// stay ours. While no gmem exists and nobody blocks SIGBUS, its real action is the program's.

#include "memory/sigbus.hpp"
#include "os/signal_calls.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"
#include "preload/signal_masks.hpp"

#include <pthread.h>

using namespace gmem;
using memory::Sigbus;
using preload::first_word;
using preload::KernelMask;
using preload::Processor;
using preload::set_first_word;

namespace {

// The thread's wish for the stand-in's own number differs from its wish for SIGBUS: only for what a query answers.
[[gnu::tls_model("initial-exec")]] constinit thread_local bool stand_in_apart { false };
// The same for the sa_mask of each signal.
constinit std::atomic<std::uint64_t> masks_apart { 0 };

constexpr bool wishes_differ(std::uint64_t mask) noexcept { return ((mask & Sigbus::bit) != 0) != ((mask & Sigbus::stand_in_bit) != 0); }

std::uint64_t shown(std::uint64_t real, bool apart) noexcept { return Sigbus::to_program(real) ^ (apart ? Sigbus::stand_in_bit : 0); }

// libc's struct sigaction and the kernel's, each way.
os::KernelSigaction to_kernel(struct sigaction const &a) noexcept
{
    return { reinterpret_cast<void *>(a.sa_sigaction), static_cast<std::uint64_t>(static_cast<unsigned>(a.sa_flags)), nullptr, first_word(a.sa_mask) };
}

struct sigaction to_libc(os::KernelSigaction const &k) noexcept
{
    constexpr std::uint64_t sa_restorer { 0x04000000 };
    struct sigaction a {};
    a.sa_sigaction = reinterpret_cast<void (*)(int, siginfo_t *, void *)>(k.handler);
    a.sa_flags = static_cast<int>(k.flags & ~sa_restorer);
    set_first_word(a.sa_mask, k.mask);
    return a;
}

// A vfork child has actions of its own, and our memory.
bool is_virtual(int signal) noexcept { return ((Sigbus::is_virtual(signal) && Sigbus::installed()) || Processor::owns(signal)) && !preload::FdTable::in_vfork_child(); }

void exchange(int signal, os::KernelSigaction const *next, os::KernelSigaction *previous) noexcept
{
    if (Processor::owns(signal))
        Processor::exchange(next, previous);
    else
        Sigbus::exchange(signal, next, previous);
}

int virtual_action(int signal, struct sigaction const *next, struct sigaction *previous) noexcept
{
    preload::ErrnoKept kept;
    os::KernelSigaction before {};
    if (next) {
        auto const wanted { to_kernel(*next) };
        exchange(signal, &wanted, &before);
    } else {
        exchange(signal, nullptr, &before);
    }
    if (previous)
        *previous = to_libc(before);
    return 0;
}

// What a handler of another signal blocks while it runs: it may touch a window.
int real_action(int signal, struct sigaction const *next, struct sigaction *previous) noexcept
{
    auto const number { std::uint64_t { 1 } << ((signal - 1) & 63) };
    bool const was_apart { (masks_apart.load(std::memory_order_relaxed) & number) != 0 };
    struct sigaction real {};
    bool apart { false };
    if (next) {
        real = *next;
        apart = wishes_differ(first_word(next->sa_mask));
        set_first_word(real.sa_mask, Processor::passable(Sigbus::to_kernel(first_word(next->sa_mask))));
    }
    auto const result { GMEM_NEXT(sigaction)(signal, next ? &real : nullptr, previous) };
    if (result != 0)
        return result;
    if (previous)
        set_first_word(previous->sa_mask, shown(first_word(previous->sa_mask), was_apart));
    if (next && apart != was_apart)
        masks_apart.fetch_xor(number, std::memory_order_relaxed);
    return 0;
}

int action_any(int signal, struct sigaction const *next, struct sigaction *previous) noexcept
{
    return is_virtual(signal) ? virtual_action(signal, next, previous) : real_action(signal, next, previous);
}

std::uint64_t wished(int how, std::uint64_t before, std::uint64_t set) noexcept
{
    return how == SIG_BLOCK ? before | set : how == SIG_UNBLOCK ? before & ~set : set;
}

template <typename Change>
int change_mask(int how, sigset_t const *set, sigset_t *previous, Change &&change) noexcept
{
    KernelMask const real { set };
    sigset_t before;
    if (set && how != SIG_UNBLOCK && (first_word(*set) & Sigbus::bit)) {
        preload::ErrnoKept kept;
        (void)Sigbus::install(); // a SIGBUS that somebody sends must wait, and only our handler can keep it
    }
    auto const result { change(real.get(), &before) };
    if (result != 0)
        return result;
    auto const seen { shown(first_word(before), stand_in_apart) };
    if (set)
        stand_in_apart = wishes_differ(wished(how, seen, first_word(*set)));
    if (previous) {
        *previous = before;
        set_first_word(*previous, seen);
    }
    return 0;
}

} // namespace

GMEM_EXPORT int sigaction(int signal, struct sigaction const *next, struct sigaction *previous) noexcept { return action_any(signal, next, previous); }
extern "C" int __sigaction(int, struct sigaction const *, struct sigaction *) noexcept;
GMEM_EXPORT int __sigaction(int signal, struct sigaction const *next, struct sigaction *previous) noexcept { return action_any(signal, next, previous); }

GMEM_EXPORT int sigprocmask(int how, sigset_t const *set, sigset_t *previous) noexcept
{
    return change_mask(how, set, previous, [how](sigset_t const *real, sigset_t *before) noexcept { return GMEM_NEXT(sigprocmask)(how, real, before); });
}
GMEM_EXPORT int pthread_sigmask(int how, sigset_t const *set, sigset_t *previous) noexcept
{
    return change_mask(how, set, previous, [how](sigset_t const *real, sigset_t *before) noexcept { return GMEM_NEXT(pthread_sigmask)(how, real, before); });
}

GMEM_EXPORT int sigpending(sigset_t *set) noexcept
{
    auto const result { GMEM_NEXT(sigpending)(set) };
    if (result == 0 && Sigbus::installed() && (first_word(*set) & Sigbus::stand_in_bit))
        set_first_word(*set, (first_word(*set) & ~Sigbus::stand_in_bit) | Sigbus::bit);
    return result;
}

GMEM_EXPORT int pthread_attr_setsigmask_np(pthread_attr_t *attributes, sigset_t const *set)
{
    return GMEM_NEXT(pthread_attr_setsigmask_np)(attributes, KernelMask { set }.get());
}
GMEM_EXPORT int pthread_attr_getsigmask_np(pthread_attr_t const *attributes, sigset_t *set)
{
    auto const result { GMEM_NEXT(pthread_attr_getsigmask_np)(attributes, set) };
    if (result == 0)
        set_first_word(*set, Sigbus::to_program(first_word(*set)));
    return result;
}
