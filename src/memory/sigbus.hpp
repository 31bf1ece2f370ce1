#pragma once
// SIGBUS belongs to gmem while gmems exist: its handler re-opens shared pages whose PTE the kernel dropped, and hands everything
// else to the program's own handler, which is virtual: it is stored here and the kernel never sees it.
//
// A thread that believes to have SIGBUS blocked has the stand-in blocked instead: a signal that neither kernel nor programs send. So the
// kernel keeps the belief where it keeps masks: threads and execed programs inherit it, sigreturn, siglongjmp and swapcontext restore it.
// A SIGBUS that somebody sends to such a thread is queued again as the stand-in, where sigwait, signalfd and unblocking find it.
//
// Invariants:
//   S1  once installed, the real handlers of SIGBUS and of the stand-in are ours; what the program sets and queries is virtual.
//   S2  SIGBUS is never really blocked by the program: a blocked SIGBUS kills the process despite any handler.

#include "base/result.hpp"
#include "os/linux_abi.hpp"

#include <csignal>

namespace gmem::memory {

class Sigbus final {
public:
    static constexpr int stand_in { 16 }; // SIGSTKFLT
    static constexpr std::uint64_t bit { std::uint64_t { 1 } << (7 - 1) }; // SIGBUS is 7 on x86-64
    static constexpr std::uint64_t stand_in_bit { std::uint64_t { 1 } << (stand_in - 1) };

    static constexpr bool is_virtual(int signal) noexcept { return signal == SIGBUS || signal == stand_in; }

    // A mask as the program writes it, and as the kernel gets it; and back.
    static constexpr std::uint64_t to_kernel(std::uint64_t mask) noexcept
    {
        return (mask & ~(bit | stand_in_bit)) | (mask & bit ? stand_in_bit : 0);
    }
    static constexpr std::uint64_t to_program(std::uint64_t mask) noexcept { return (mask & ~bit) | (mask & stand_in_bit ? bit : 0); }

    // From now on every mask of the program passes through to_kernel(); without that a blocked stand-in means nothing.
    static void translate_masks() noexcept;

    // Installs the real handlers; the actions that were in force become the virtual ones. Idempotent.
    static Status install() noexcept;
    static bool installed() noexcept;

    // rt_sigaction on the virtual action of SIGBUS or of the stand-in. Either pointer may be null.
    static void exchange(int signal, os::KernelSigaction const *next, os::KernelSigaction *previous) noexcept;

    // Is this a SIGBUS in the clothes of the stand-in? Then it becomes one again.
    static bool unmask(int &signal, int &error_number) noexcept;

    // After fork, in the child: another thread may have held the lock.
    static void continue_in_child() noexcept;
};

// Sanity checks
static_assert(Sigbus::to_kernel(Sigbus::bit | 1) == (Sigbus::stand_in_bit | 1));
static_assert(Sigbus::to_program(Sigbus::to_kernel(~std::uint64_t { 0 })) == ~std::uint64_t { 0 });

} // namespace gmem::memory
