#pragma once
// One virtual processor: KVM_RUN passes through, and an exit that the specification wants otherwise is corrected in place.
// docs/exits.md says which, and why.
//
// Invariants:
//   P1  `next_` is not `enter` exactly while the real KVM waits for the completion of an access (MMIO) that the program was told
//       something else about. It is completed, or told again, before the guest goes on.
//   P2  the object holds one reference to its VM, and its own mapping of the run page, from create() to the last release().

#include "kvm/run_page.hpp"
#include "kvm/vm.hpp"

namespace gmem::kvm {

class Vcpu final {
public:
    // A vCPU that the real KVM has just made: `fd`. One reference for the caller. ENOMEM.
    static Result<Vcpu *> create(Vm &vm, int fd) noexcept;
    static constexpr std::size_t most { 16384 };
    static Vcpu &at(std::size_t index) noexcept;
    std::size_t index() const noexcept;

    bool try_acquire() noexcept;
    void release() noexcept;
    bool in_use() const noexcept { return references_.load(std::memory_order_acquire) != 0; }

    // KVM_RUN with the program's argument: 0 or -errno, like the driver.
    long run(int fd, unsigned long argument) noexcept;

private:
    // What the next KVM_RUN begins with.
    enum class Next : std::uint8_t { enter, access };

    bool exit_stands(long result) const noexcept;
    long correct(int fd) noexcept;
    long correct_mmio() noexcept;
    long correct_internal_error(int fd) noexcept;
    long resume_access() noexcept;
    long tell_memory_fault(std::uint64_t gpa, Attribute access) noexcept;

    std::atomic<std::uint64_t> references_ { 0 };
    Vm *vm_ { nullptr };
    uapi::RunPage *page_ { nullptr };
    Next next_ { Next::enter };
    uapi::MmioExit access_ {}; // Next::access: what the real KVM waits for
};

} // namespace gmem::kvm
