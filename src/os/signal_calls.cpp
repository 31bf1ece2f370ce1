#include "os/signal_calls.hpp"

// The kernel returns from a handler through this; debuggers and unwinders know the two instructions by sight.
asm(".pushsection .text\n"
    ".type gmem_restore_signal, @function\n"
    "nop\n"
    "gmem_restore_signal:\n"
    "movq $15, %rax\n" // SYS_rt_sigreturn
    "syscall\n"
    ".size gmem_restore_signal, . - gmem_restore_signal\n"
    ".popsection\n");
extern "C" __attribute__((visibility("hidden"))) void gmem_restore_signal();

namespace gmem::os {
namespace {

constexpr std::uint64_t sa_restorer { 0x04000000 };

}

Status set_signal_handler(int signal, SignalHandler handler, std::uint64_t more) noexcept
{
    KernelSigaction const action { reinterpret_cast<void *>(handler), SA_SIGINFO | SA_NODEFER | sa_restorer | more,
        reinterpret_cast<void *>(&gmem_restore_signal), 0 };
    auto const result { system_call(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask) };
    if (failed(result))
        return Error::os(result, "sigaction");
    return Ok {};
}

Status current_action(int signal, KernelSigaction &out) noexcept
{
    auto const result { system_call(SYS_rt_sigaction, signal, nullptr, &out, sizeof out.mask) };
    if (failed(result))
        return Error::os(result, "sigaction");
    return Ok {};
}

void set_default_action(int signal) noexcept
{
    KernelSigaction const action { nullptr, sa_restorer, reinterpret_cast<void *>(&gmem_restore_signal), 0 };
    system_call(SYS_rt_sigaction, signal, word(&action), 0, sizeof action.mask);
}

void block_signals(std::uint64_t mask) noexcept
{
    system_call(SYS_rt_sigprocmask, SIG_BLOCK, word(&mask), 0, sizeof mask);
}

void raise_at_this_thread(int signal) noexcept
{
    system_call(SYS_tgkill, system_call(SYS_getpid), system_call(SYS_gettid), signal);
}

void queue_signal(int signal, siginfo_t const &info) noexcept
{
    if (info.si_code == SI_TKILL)
        system_call(SYS_rt_tgsigqueueinfo, system_call(SYS_getpid), system_call(SYS_gettid), signal, word(&info));
    else
        system_call(SYS_rt_sigqueueinfo, system_call(SYS_getpid), signal, word(&info));
}

std::uint64_t signal_mask() noexcept
{
    std::uint64_t mask { 0 };
    system_call(SYS_rt_sigprocmask, SIG_SETMASK, 0, word(&mask), sizeof mask);
    return mask;
}

void set_signal_mask(std::uint64_t mask) noexcept { system_call(SYS_rt_sigprocmask, SIG_SETMASK, word(&mask), 0, sizeof mask); }

} // namespace gmem::os
