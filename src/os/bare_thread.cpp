#include "os/bare_thread.hpp"

#include "os/syscall.hpp"

#include <linux/sched.h>

namespace gmem::os {

// The child comes back from the system call on an empty stack: it may only pop what was put there for it.
long start_bare_thread(BareThread const &how) noexcept
{
    long flags { CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_SYSVSEM | CLONE_SETTLS };
    if (how.table == BareTable::of_the_starter)
        flags |= CLONE_FILES;
    if (how.alive)
        flags |= CLONE_CHILD_CLEARTID;
    how.tls[0] = how.tls; // the self pointer that the ABI promises
    auto **const top { reinterpret_cast<void **>(how.stack_top) - 2 };
    top[0] = reinterpret_cast<void *>(how.entry);
    top[1] = how.argument;

    long result;
    register long r10 asm("r10") { reinterpret_cast<long>(how.alive) };
    register long r8 asm("r8") { reinterpret_cast<long>(how.tls) };
    asm volatile("syscall\n\t"
                 "test %%rax, %%rax\n\t"
                 "jnz 1f\n\t"
                 "xor %%ebp, %%ebp\n\t"
                 "pop %%rax\n\t"
                 "pop %%rdi\n\t"
                 "call *%%rax\n\t"
                 "ud2\n"
                 "1:"
                 : "=a"(result)
                 : "a"(SYS_clone), "D"(flags), "S"(top), "d"(0L), "r"(r10), "r"(r8)
                 : "rcx", "r11", "memory");
    return result;
}

void exit_bare_thread() noexcept
{
    for (;;)
        bare_syscall(SYS_exit, 0);
}

} // namespace gmem::os
