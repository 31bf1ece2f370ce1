#ifdef GMEM_FAILURE_POINTS
#include "os/failure_points.hpp"

#include <sys/syscall.h>

namespace gmem::os {

int failure_at_call(long nr) noexcept
{
    switch (nr) {
    case SYS_munmap:
    case SYS_close:
    case SYS_futex:
    case SYS_rt_sigprocmask:
    case SYS_gettid:
    case SYS_getpid:
    case SYS_sched_yield:
    case SYS_write:
        return 0;
    default:
        break;
    }
    auto &plan { failure_plan() };
    ++plan.seen;
    if (plan.countdown < 0 || plan.countdown-- != 0)
        return 0;
    plan.fired = true;
    return plan.err;
}

} // namespace gmem::os
#endif
