#include "os/kick.hpp"

#include "os/linux_abi.hpp"
#include "os/signal_calls.hpp"

#include <cerrno>
#include <cstring>
#include <ucontext.h>

// nr, then three arguments. A kick counts when it finds the thread exactly behind the instruction, with EINTR in its hands:
// anywhere else, the call had not begun or had ended for another reason.
asm(".pushsection .text\n"
    ".type gmem_kickable_call, @function\n"
    "gmem_kickable_call:\n"
    "movq %rdi, %rax\n"
    "movq %rsi, %rdi\n"
    "movq %rdx, %rsi\n"
    "movq %rcx, %rdx\n"
    "syscall\n"
    "gmem_kickable_call_done:\n"
    "ret\n"
    ".size gmem_kickable_call, . - gmem_kickable_call\n"
    ".popsection\n");
extern "C" {
__attribute__((visibility("hidden"))) long gmem_kickable_call(long, long, long, long);
extern __attribute__((visibility("hidden"))) char const gmem_kickable_call_done[];
}

namespace gmem::os {
namespace {

struct Kick final {
    bool taken { false };
    KernelSignalSet before { 0 };
};
// initial-exec: reading it in the handler may not allocate.
[[gnu::tls_model("initial-exec")]] constinit thread_local Kick kick_of_thread {};

// Runs with every signal blocked. What it leaves blocked when it returns is the thread's mask from then on.
void handle_kick(int, siginfo_t *, void *context) noexcept
{
    auto &interrupted { *static_cast<ucontext_t *>(context) };
    auto const *const g { interrupted.uc_mcontext.gregs };
    if (g[REG_RIP] != reinterpret_cast<greg_t>(&gmem_kickable_call_done) || g[REG_RAX] != -EINTR)
        return;
    KernelSignalSet mask;
    std::memcpy(&mask, &interrupted.uc_sigmask, sizeof mask);
    if (!kick_of_thread.taken)
        kick_of_thread = { true, mask };
    mask = ~kick_bit;
    std::memcpy(&interrupted.uc_sigmask, &mask, sizeof mask);
}

} // namespace

Status prepare_kicks() noexcept
{
    KernelSigaction now {};
    GMEM_CHECK(current_action(kick_signal, now));
    if (now.handler) // libc's, which ignores what it did not send, or ours
        return Ok {};
    return set_signal_handler(kick_signal, &handle_kick, SA_RESTART, ~KernelSignalSet { 0 });
}

void kick(int tid) noexcept
{
    siginfo_t info;
    std::memset(&info, 0, sizeof info);
    info.si_signo = kick_signal;
    info.si_code = SI_QUEUE;
    bare_syscall(SYS_rt_tgsigqueueinfo, bare_syscall(SYS_getpid), tid, kick_signal, reinterpret_cast<long>(&info));
}

long kickable_ioctl(int fd, unsigned long command, unsigned long argument) noexcept
{
    return gmem_kickable_call(SYS_ioctl, fd, static_cast<long>(command), static_cast<long>(argument));
}

bool kick_taken() noexcept { return kick_of_thread.taken; }
KernelSignalSet mask_before_kick() noexcept { return kick_of_thread.before; }

void end_of_kick() noexcept
{
    kick_of_thread.taken = false;
    system_call(SYS_rt_sigprocmask, SIG_SETMASK, &kick_of_thread.before, nullptr, sizeof kick_of_thread.before);
}

bool signal_waits(KernelSignalSet mask) noexcept
{
    KernelSignalSet pending { 0 };
    system_call(SYS_rt_sigpending, &pending, sizeof pending);
    return (pending & ~mask & ~kick_bit) != 0;
}

} // namespace gmem::os
