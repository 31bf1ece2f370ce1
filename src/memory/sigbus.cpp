#include "memory/sigbus.hpp"

#include "memory/space.hpp"
#include "observe/recording.hpp"
#include "observe/report.hpp"
#include "observe/stack.hpp"
#include "os/mutex.hpp"
#include "os/signal_calls.hpp"
#include "os/signals.hpp"
#include "os/virtual_action.hpp"

#include <initializer_list>
#include <ucontext.h>

namespace gmem::memory {
namespace {

constinit os::VirtualAction bus_action;
constinit os::VirtualAction stand_in_action;
constinit os::Mutex install_lock;
constinit std::atomic<bool> is_installed { false };
constinit bool masks_translated { false };

// In si_errno, which is 0 in every other signal: this stand-in is a SIGBUS.
constexpr int disguise { 0x6d656d67 };

os::VirtualAction &action_of(int signal) noexcept { return signal == SIGBUS ? bus_action : stand_in_action; }

void handle(int signal, siginfo_t *info, void *context) noexcept;

// Two flags of the program's must be real: restarting of interrupted calls, and the stack that its handler wants to run on.
Status set_real_action(int signal, os::KernelSigaction const &wished) noexcept
{
    return os::set_signal_handler(signal, &handle, (wished.flags & SA_RESTART) | (os::handler_of(wished) ? wished.flags & SA_ONSTACK : SA_ONSTACK));
}

// What the kernel would do: the default action for a synchronous fault is death by SIGBUS at the faulting instruction.
void die_by_default(int signal, siginfo_t const &info) noexcept
{
    os::set_default_action(signal);
    if (os::sent_by_a_process(info))
        os::raise_at_this_thread(signal); // not a fault: repeating an instruction would not raise it again
}

// The mask that sigreturn will restore.
std::uint64_t &mask_of(void *context) noexcept { return *reinterpret_cast<std::uint64_t *>(&static_cast<ucontext_t *>(context)->uc_sigmask); }

void hand_to_program(int signal, siginfo_t &info, void *context) noexcept
{
    bool const sent { os::sent_by_a_process(info) };
    bool const believed_blocked { masks_translated && (mask_of(context) & Sigbus::stand_in_bit) != 0 };
    if (sent && believed_blocked) { // it stays pending, as the stand-in, until some thread wants it
        info.si_errno = disguise;
        return os::queue_signal(Sigbus::stand_in, info);
    }
    auto const action { action_of(signal).take() };
    if (os::ignores(action) && sent)
        return;
    // A fault cannot be ignored, nor waits it for an unblocking.
    if (!os::handler_of(action) || believed_blocked) {
        if (!sent)
            observe::Report::ask_and_wait(); // who tells about it looks at this thread, which will not be for long
        return die_by_default(signal, info);
    }

    // Undone by sigreturn. The program sees and may change what will be restored.
    auto &restored { mask_of(context) };
    if (masks_translated) {
        os::block_signals(Sigbus::to_kernel(action.mask | (action.flags & SA_NODEFER ? 0 : Sigbus::bit)));
        restored = Sigbus::to_program(restored);
    } else {
        os::block_signals(action.mask & ~Sigbus::bit);
    }
    os::call(action, signal, info, context);
    if (masks_translated)
        restored = Sigbus::to_kernel(restored);
}

// The access at which the program was interrupted.
observe::Event seen_access(siginfo_t const &info, void *context) noexcept
{
    constexpr greg_t write_bit { 2 }; // of a page fault's error code
    auto const &registers { static_cast<ucontext_t *>(context)->uc_mcontext.gregs };
    auto const of { [&registers](int which) noexcept { return static_cast<std::uintptr_t>(registers[which]); } };
    observe::Event e;
    e.kind = observe::Kind::access;
    e.detail = (registers[REG_ERR] & write_bit) != 0;
    e.more = { reinterpret_cast<std::uintptr_t>(info.si_addr), 0, of(REG_RIP), os::handler_of(bus_action.now()) != nullptr, reinterpret_cast<std::uintptr_t>(context) };
    e.stack = observe::Stack::of({ of(REG_RIP), of(REG_RSP), of(REG_RBP) });
    return e;
}

// The log asks only about what is not recovered: the stack is looked at when it is clear that somebody wants to know.
bool recovered(siginfo_t &info, void *context) noexcept
{
    auto const address { reinterpret_cast<std::uintptr_t>(info.si_addr) };
    auto const fault { Space::recover(address) };
    if (fault == Space::Fault::reopened)
        return true;
    if (fault == Space::Fault::poisoned) { // as the kernel tells who touched it
        info.si_code = BUS_MCEERR_AR;
        info.si_addr_lsb = page_bits;
        return false;
    }
    if (!observe::Log::on())
        return false;
    auto const seen { seen_access(info, context) };
    return Space::recover(address, &seen) == Space::Fault::reopened;
}

void handle(int signal, siginfo_t *info, void *context) noexcept
{
    if (signal == SIGBUS && info->si_code == BUS_ADRERR && recovered(*info, context))
        return;
    Sigbus::unmask(info->si_signo, info->si_errno);
    hand_to_program(info->si_signo, *info, context);
}

} // namespace

Status Sigbus::install() noexcept
{
    if (is_installed.load(std::memory_order_acquire))
        return Ok {};
    os::SignalsBlocked blocked;
    os::Locked guard { install_lock };
    if (is_installed.load(std::memory_order_relaxed))
        return Ok {};
    for (auto const signal : { SIGBUS, stand_in }) {
        os::KernelSigaction real;
        GMEM_CHECK(os::current_action(signal, real));
        real.mask = to_program(real.mask);
        action_of(signal).begin(real);
        GMEM_CHECK(set_real_action(signal, real));
    }
    is_installed.store(true, std::memory_order_release);
    return Ok {};
}

void Sigbus::translate_masks() noexcept { masks_translated = true; }

bool Sigbus::installed() noexcept { return is_installed.load(std::memory_order_acquire); }

void Sigbus::exchange(int signal, os::KernelSigaction const *next, os::KernelSigaction *previous) noexcept
{
    action_of(signal).exchange(signal, next, previous, [](int changed, os::KernelSigaction const &wished) noexcept { (void)set_real_action(changed, wished); });
}

bool Sigbus::unmask(int &signal, int &error_number) noexcept
{
    if (signal != stand_in || error_number != disguise)
        return false;
    signal = SIGBUS;
    error_number = 0;
    return true;
}

void Sigbus::continue_in_child() noexcept
{
    install_lock.reset_after_fork();
    for (auto const signal : { SIGBUS, stand_in })
        action_of(signal).continue_in_child();
}

} // namespace gmem::memory
