// fork and clone by number: a child with memory of its own gets its windows, and knows that it is no vfork child.

#include "preload/forks.hpp"

#include "memory/fork.hpp"
#include "memory/process.hpp"
#include "memory/sigbus.hpp"
#include "os/process_calls.hpp"
#include "os/user_memory.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"
#include "preload/processor.hpp"

#include <sched.h>
#include <sys/syscall.h>

namespace gmem::preload {
namespace {

// The kernel's struct clone_args. It grew: the size says how much of it there is.
struct CloneArguments final {
    std::uint64_t flags { 0 }, pidfd { 0 }, child_tid { 0 }, parent_tid { 0 }, exit_signal { 0 }, stack { 0 }, stack_size { 0 }, tls { 0 };
    std::uint64_t set_tid { 0 }, set_tid_size { 0 }, cgroup { 0 };
};

// A process that shares neither memory nor descriptors, and goes on where the caller is.
bool is_a_fork(std::uint64_t flags, std::uint64_t stack) noexcept { return !(flags & (CLONE_VM | CLONE_FILES)) && stack == 0; }

// A parent that is suspended would hold gmem's locks until the child ends, and the child may need the parent's agent.
std::uint64_t without_suspension(std::uint64_t flags) noexcept { return memory::Process::started() ? flags & ~std::uint64_t { CLONE_VFORK } : flags; }

template <typename Call>
long forked(Call &&call) noexcept
{
    memory::Fork::prepare();
    auto const child { call() };
    ErrnoKept errno_kept;
    if (child != 0) {
        memory::Fork::in_parent();
        return child;
    }
    memory::Fork::in_child();
    in_child();
    return 0;
}

} // namespace

void process_is_this() noexcept { FdTable::process_is(os::process_id()); }

void in_child() noexcept
{
    process_is_this();
    memory::Sigbus::continue_in_child();
    Processor::continue_in_child();
}

long fork_by_number(long nr, long *a) noexcept
{
    auto const as_it_is { [nr, a]() noexcept { return GMEM_NEXT(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]); } };
    if (nr == SYS_fork)
        return forked(as_it_is);
    if (nr == SYS_clone) {
        auto const flags { static_cast<std::uint64_t>(a[0]) };
        if (!is_a_fork(flags, static_cast<std::uint64_t>(a[1])))
            return as_it_is();
        a[0] = static_cast<long>(without_suspension(flags));
        return forked(as_it_is);
    }
    CloneArguments copy;
    auto const size { static_cast<std::size_t>(a[1]) };
    if (size < sizeof copy.flags * 8 || size > sizeof copy || !os::copy_from_program(&copy, static_cast<std::uintptr_t>(a[0]), size) || !is_a_fork(copy.flags, copy.stack))
        return as_it_is();
    copy.flags = without_suspension(copy.flags);
    return forked([&copy, size]() noexcept { return GMEM_NEXT(syscall)(SYS_clone3, &copy, size); });
}

} // namespace gmem::preload
