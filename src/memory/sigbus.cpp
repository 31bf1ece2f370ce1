#include "memory/sigbus.hpp"

#include "memory/space.hpp"
#include "os/mutex.hpp"
#include "os/signal_calls.hpp"
#include "os/signals.hpp"

namespace gmem::memory {
namespace {

constinit os::Mutex action_lock;
constinit os::KernelSigaction virtual_action {};
constinit std::atomic<bool> is_installed { false };
// initial-exec: reading it in the handler may not allocate.
[[gnu::tls_model("initial-exec")]] constinit thread_local bool thread_believes_blocked { false };
[[gnu::tls_model("initial-exec")]] constinit thread_local bool thread_has_pending { false };

void handle(int signal, siginfo_t *info, void *context) noexcept;

// Restart of interrupted calls is the one flag of the program's that must be real.
Status set_real_action() noexcept
{
    return os::set_signal_handler(SIGBUS, &handle, virtual_action.flags & SA_RESTART);
}

// What the kernel would do: the default action for a synchronous fault is death by SIGBUS at the faulting instruction.
void die_by_default(int signal, siginfo_t const *info) noexcept
{
    os::set_default_action(signal);
    if (os::sent_by_a_process(*info))
        os::raise_at_this_thread(signal); // not a fault: repeating an instruction would not raise it again
}

void hand_to_program(int signal, siginfo_t *info, void *context) noexcept
{
    bool const sent { os::sent_by_a_process(*info) };
    if (sent && thread_believes_blocked) { // stays pending until the thread unblocks it
        thread_has_pending = true;
        return;
    }
    os::KernelSigaction action;
    {
        os::SignalsBlocked blocked;
        os::Locked guard { action_lock };
        action = virtual_action;
        if (action.flags & SA_RESETHAND)
            virtual_action.handler = reinterpret_cast<void *>(SIG_DFL);
    }
    auto const handler { reinterpret_cast<std::uintptr_t>(action.handler) };
    if (handler == reinterpret_cast<std::uintptr_t>(SIG_IGN) && sent)
        return;
    // A fault cannot be ignored, nor waits it for an unblocking.
    if (handler <= reinterpret_cast<std::uintptr_t>(SIG_IGN) || thread_believes_blocked)
        return die_by_default(signal, info);

    os::block_signals(action.mask & ~Sigbus::bit); // undone by sigreturn
    if (action.flags & SA_SIGINFO)
        reinterpret_cast<void (*)(int, siginfo_t *, void *)>(action.handler)(signal, info, context);
    else
        reinterpret_cast<void (*)(int)>(action.handler)(signal);
}

void handle(int signal, siginfo_t *info, void *context) noexcept
{
    if (info->si_code == BUS_ADRERR && Space::recover(reinterpret_cast<std::uintptr_t>(info->si_addr)) == Space::Fault::reopened)
        return;
    hand_to_program(signal, info, context);
}

} // namespace

Status Sigbus::install() noexcept
{
    if (is_installed.load(std::memory_order_acquire))
        return Ok {};
    os::SignalsBlocked blocked;
    os::Locked guard { action_lock };
    if (is_installed.load(std::memory_order_relaxed))
        return Ok {};
    GMEM_CHECK(os::current_action(SIGBUS, virtual_action));
    GMEM_CHECK(set_real_action());
    is_installed.store(true, std::memory_order_release);
    return Ok {};
}

bool Sigbus::installed() noexcept { return is_installed.load(std::memory_order_acquire); }

void Sigbus::exchange(os::KernelSigaction const *next, os::KernelSigaction *previous) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { action_lock };
    auto const before { virtual_action };
    if (next) {
        virtual_action = *next;
        (void)set_real_action();
    }
    if (previous)
        *previous = before;
}

bool Sigbus::believed_blocked() noexcept { return thread_believes_blocked; }

void Sigbus::believe_blocked(bool blocked) noexcept
{
    thread_believes_blocked = blocked;
    if (!blocked && thread_has_pending) {
        thread_has_pending = false;
        os::raise_at_this_thread(SIGBUS);
    }
}

} // namespace gmem::memory
