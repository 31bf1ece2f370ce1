#include "os/kick.hpp"

#include "os/linux_abi.hpp"
#include "os/signal_calls.hpp"

#include <cerrno>
#include <cstring>

namespace gmem::os {
namespace {

// That it came is all: the system call has ended.
void handle_kick(int, siginfo_t *, void *) noexcept {}

siginfo_t kick_info() noexcept
{
    siginfo_t info;
    std::memset(&info, 0, sizeof info);
    info.si_signo = kick_signal;
    info.si_code = SI_QUEUE;
    return info;
}

} // namespace

Status prepare_kicks() noexcept
{
    KernelSigaction now {};
    GMEM_CHECK(current_action(kick_signal, now));
    if (now.handler) // libc's, which ignores what it did not send, or ours
        return Ok {};
    return set_signal_handler(kick_signal, &handle_kick, SA_RESTART);
}

bool kick(int tid) noexcept
{
    auto const info { kick_info() };
    return system_call(SYS_rt_tgsigqueueinfo, system_call(SYS_getpid), tid, kick_signal, &info) != -ESRCH;
}

void bare_kick(int tid) noexcept
{
    auto const info { kick_info() };
    bare_syscall(SYS_rt_tgsigqueueinfo, bare_syscall(SYS_getpid), tid, kick_signal, reinterpret_cast<long>(&info));
}

bool signal_waits(KernelSignalSet mask) noexcept
{
    KernelSignalSet pending { 0 };
    system_call(SYS_rt_sigpending, &pending, sizeof pending);
    return (pending & ~mask & ~kick_bit) != 0;
}

} // namespace gmem::os
