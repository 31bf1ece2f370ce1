#include "os/bare_thread.hpp"

#include "os/mapping_calls.hpp"

#include <linux/sched.h>

namespace gmem::os {
namespace {

constexpr std::size_t stack_bytes { 16384 };

// The child comes back from the system call on an empty stack: it may only pop what was put there for it.
long clone_onto(void **top, void *tls) noexcept
{
    constexpr long flags { CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SETTLS };
    long result;
    register long r10 asm("r10") { 0 };
    register long r8 asm("r8") { reinterpret_cast<long>(tls) };
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

} // namespace

Status start_bare_thread(void (*function)(void *) noexcept, void *argument) noexcept
{
    // Stack, then one page that stands where a TLS block would be: the canary and the self pointer are read from there.
    GMEM_TRY(stack, map_anonymous(stack_bytes + page_size, MAP_PRIVATE));
    auto *const tls { reinterpret_cast<void **>(stack + stack_bytes) };
    tls[0] = tls;
    auto **const top { tls - 2 };
    top[0] = reinterpret_cast<void *>(function);
    top[1] = argument;
    auto const tid { clone_onto(top, tls) };
    if (!failed(tid))
        return Ok {};
    unmap({ stack, stack + stack_bytes + page_size });
    return Error::os(tid, "thread.clone");
}

} // namespace gmem::os
