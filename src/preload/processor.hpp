#pragma once
// The processor that the program sees: with `gmem run --processor=snp|tdx` the CPUID instruction answers as one that has SNP or TDX, for VMMs execute it before they ask KVM
// (where is the C-bit, how wide are physical addresses). Linux makes CPUID a SIGSEGV when asked to (arch_prctl(2), ARCH_SET_CPUID); ours is the handler that answers.
// kvm/launch/processor.hpp says what.
//
// Invariants:
//   C1  while it is active, the real handler of SIGSEGV is ours, what the program sets and queries is virtual, and no mask of the program's really blocks it: a blocked
//       SIGSEGV kills the process despite any handler.
//   C2  active() does not change after the constructor of the library.

#include "os/linux_abi.hpp"

#include <csignal>
#include <cstdint>

namespace gmem::preload {

class Processor final {
public:
    // As GMEM_PROCESSOR says. For the first thread; others and children inherit it, exec begins anew.
    static void begin() noexcept;

    static bool active() noexcept { return active_; }
    static bool owns(int signal) noexcept { return active_ && signal == SIGSEGV; }

    // A mask of the program's without what must come through.
    static std::uint64_t passable(std::uint64_t mask) noexcept { return active_ ? mask & ~bit : mask; }

    // rt_sigaction on the virtual action. Either pointer may be null.
    static void exchange(os::KernelSigaction const *next, os::KernelSigaction *previous) noexcept;

    // After fork, in the child: another thread may have held the lock.
    static void continue_in_child() noexcept;

    // KVM_GET_SUPPORTED_CPUID was answered: the address sizes in it become those of the processor that the program sees.
    static void correct_supported_cpuid(std::uintptr_t argument) noexcept;

private:
    static constexpr std::uint64_t bit { std::uint64_t { 1 } << (SIGSEGV - 1) };
    static bool active_;
};

} // namespace gmem::preload
