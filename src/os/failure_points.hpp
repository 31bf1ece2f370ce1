#pragma once
// Test builds only: makes the n-th system call of this thread fail. Production builds do not contain this.

namespace gmem::os {

struct FailurePlan final {
    long countdown { -1 }; // -1: nothing fails; 0: the next call fails
    int err { 0 };
    long seen { 0 };       // calls since the plan was armed
    bool fired { false };
};

// The plan of the calling thread.
inline FailurePlan &failure_plan() noexcept
{
    static thread_local FailurePlan plan;
    return plan;
}

// Nonzero errno: this call is to fail. Calls that undo or release (munmap, close, futex, signal masks) never fail by plan:
// the kernel does not fail them for a reason that a caller could meet.
int failure_at_call(long nr) noexcept;

} // namespace gmem::os
