#pragma once
// Test builds only: named places at which the process may be killed or stopped. Production builds contain nothing of it.

#ifdef GMEM_FAILURE_POINTS
#include "os/syscall.hpp"

#include <csignal>
#include <cstring>

namespace gmem::os {

// The n-th passage of the named point sends this process a signal that cannot be blocked. Null: none.
struct KillPlan final {
    char const *point { nullptr };
    long countdown { 0 };
    int signal { SIGKILL }; // or SIGSTOP
};
inline KillPlan kill_plan;

inline void kill_point(char const *name) noexcept
{
    if (!kill_plan.point || std::strcmp(kill_plan.point, name) != 0 || kill_plan.countdown-- > 0) [[likely]]
        return;
    kill_plan.point = nullptr;
    bare_syscall(SYS_kill, bare_syscall(SYS_getpid), kill_plan.signal);
    while (kill_plan.signal == SIGKILL) // until it arrives
        bare_syscall(SYS_sched_yield);
}

} // namespace gmem::os
#else
namespace gmem::os {
inline void kill_point(char const *) noexcept {}
} // namespace gmem::os
#endif
