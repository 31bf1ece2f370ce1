#pragma once
// SIGBUS belongs to gmem while gmems exist: its handler re-opens shared pages whose PTE the kernel dropped, and hands everything
// else to the program's own handler, which is virtual: it is stored here and the kernel never sees it.
//
// Invariants:
//   S1  once installed, the real SIGBUS handler is ours; what the program sets and queries is `virtual_action`.
//   S2  SIGBUS is never really blocked by the program: a blocked SIGBUS kills the process despite any handler. What the program
//       believes to have blocked is remembered per thread.

#include "base/result.hpp"
#include "os/linux_abi.hpp"

namespace gmem::memory {

class Sigbus final {
public:
    // Installs the real handler; the action that was in force becomes the virtual one. Idempotent.
    static Status install() noexcept;
    static bool installed() noexcept;

    // rt_sigaction(SIGBUS) on the virtual action. Either pointer may be null.
    static void exchange(os::KernelSigaction const *next, os::KernelSigaction *previous) noexcept;

    // Does the calling thread believe that SIGBUS is blocked?
    static bool believed_blocked() noexcept;
    static void believe_blocked(bool blocked) noexcept;

    static constexpr std::uint64_t bit { std::uint64_t { 1 } << (7 - 1) }; // SIGBUS is 7 on x86-64
};

} // namespace gmem::memory
