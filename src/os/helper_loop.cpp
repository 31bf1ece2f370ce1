// The helper thread's own code. It has no TLS and no libc: nothing here may be instrumented, protected by a stack canary,
// or call anything that is (src/CMakeLists.txt sees to the flags).

#include "os/helper_loop.hpp"

#include "os/syscall.hpp"

#include <cstddef>
#include <linux/futex.h>
#include <linux/sched.h>

namespace gmem::os {
namespace {

// A private copy of everything the program had open would keep its pipes and sockets alive.
void close_all_but_kept(HelperBirth const &birth) noexcept
{
    unsigned from { 0 };
    for (unsigned i { 0 }; i <= birth.kept_count; ++i) {
        auto const last { i < birth.kept_count };
        unsigned const to { last ? static_cast<unsigned>(birth.kept[i]) : ~0u };
        if (to > from || !last)
            bare_syscall(SYS_close_range, from, last ? to - 1 : to, 0);
        from = to + 1;
    }
}

// The robust list: one entry, whose futex word is the process's liveness word.
struct Robust final {
    robust_list_head head;
    robust_list node;
};

void hold_liveness(Robust &robust, std::uint32_t *word) noexcept
{
    robust.node.next = &robust.head.list;
    robust.head.list.next = &robust.node;
    robust.head.futex_offset = reinterpret_cast<char *>(word) - reinterpret_cast<char *>(&robust.node);
    robust.head.list_op_pending = nullptr;
    __atomic_store_n(word, static_cast<std::uint32_t>(bare_syscall(SYS_gettid)), __ATOMIC_RELEASE);
    bare_syscall(SYS_set_robust_list, reinterpret_cast<long>(&robust.head), sizeof robust.head);
}

[[noreturn]] void serve(HelperBirth *birth) noexcept
{
    close_all_but_kept(*birth);
    Robust robust;
    hold_liveness(robust, birth->liveness);

    HelperRequest *const request { birth->request };
    auto *const state { reinterpret_cast<std::uint32_t *>(&request->state) };
    constexpr auto posted { static_cast<std::uint32_t>(RequestState::posted) };
    constexpr auto done { static_cast<std::uint32_t>(RequestState::done) };

    // Tell the starter that the private table is ready.
    __atomic_store_n(state, done, __ATOMIC_RELEASE);
    bare_syscall(SYS_futex, reinterpret_cast<long>(state), FUTEX_WAKE, 1);

    for (;;) {
        std::uint32_t const seen { __atomic_load_n(state, __ATOMIC_ACQUIRE) };
        if (seen != posted) {
            bare_syscall(SYS_futex, reinterpret_cast<long>(state), FUTEX_WAIT, seen, 0);
            continue;
        }
        long const *const a { request->arguments };
        request->result = bare_syscall(request->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
        __atomic_store_n(state, done, __ATOMIC_RELEASE);
        bare_syscall(SYS_futex, reinterpret_cast<long>(state), FUTEX_WAKE, 1);
    }
}

} // namespace

// The child comes back from the system call on an empty stack: it may only pop what was put there for it.
long start_helper_thread(HelperBirth *birth, void *stack_top, void *tls) noexcept
{
    constexpr long flags { CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_SYSVSEM | CLONE_SETTLS };
    auto **const top { static_cast<void **>(stack_top) - 2 };
    top[0] = reinterpret_cast<void *>(&serve);
    top[1] = birth;

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

} // namespace gmem::os
