#pragma once
// One virtual processor: KVM_RUN passes through, and an exit that the specification wants otherwise is corrected in place.
// docs/exits.md says which, and why.
//
// Invariants:
//   P1  `next_` is `access` exactly while the real KVM waits for the completion of an access (MMIO) that the program was told something
//       else about. It is completed, or told again, before the guest goes on.
//   P2  `next_` is `answer` exactly while the program has a hypercall to answer that the real KVM knows nothing of.
//   P3  the object holds one reference to its VM, and its own mapping of the run page, from create() to the last release().

#include "kvm/breakpoints.hpp"
#include "kvm/exit_figures.hpp"
#include "kvm/exit_notes.hpp"
#include "kvm/launch/cpuid_table.hpp"
#include "kvm/run_page.hpp"
#include "kvm/vm.hpp"
#include "os/signals.hpp"

#include <optional>

namespace gmem::kvm {

class Vcpu final {
public:
    // A vCPU that the real KVM has just made: `fd`. One reference for the caller. ENOMEM.
    enum class PreFaults : std::uint8_t { by_gmem, by_kvm };
    static Result<Vcpu *> create(Vm &vm, int fd, PreFaults pre_faults) noexcept;
    static constexpr std::size_t most { 16384 };
    static Vcpu &at(std::size_t index) noexcept;
    std::size_t index() const noexcept;

    bool try_acquire() noexcept;
    void release() noexcept;
    bool in_use() const noexcept { return references_.load(std::memory_order_acquire) != 0; }

    Vm &vm() const noexcept { return *vm_; }
    launch::VcpuState &launch() noexcept { return launch_; }

    // KVM_RUN with the program's argument: 0 or -errno, like the driver.
    long run(int fd, unsigned long argument) noexcept
    {
        auto const result { run_and_correct(fd, argument) };
        note_exit(*page_, result, vm_->number(), launch_.ordinal);
        return counted_exit(*vm_, *page_, result, launch_.ordinal);
    }

    // KVM_SET_GUEST_DEBUG and KVM_SET_SIGNAL_MASK: the program's wishes are remembered and passed on.
    long set_guest_debug(int fd, std::uintptr_t argument) noexcept;
    long set_signal_mask(int fd, std::uintptr_t argument) noexcept;

    // KVM_MEMORY_ENCRYPT_OP. nullopt: no affair of this VM's.
    std::optional<long> encrypt(int fd, std::uintptr_t argument) noexcept;
    // KVM_SET_CPUID2 and KVM_GET_CPUID2. nullopt: the real KVM's affair.
    std::optional<long> set_cpuid(int fd, std::uintptr_t argument) noexcept;
    std::optional<long> get_cpuid(std::uintptr_t argument) noexcept;

    // KVM_PRE_FAULT_MEMORY, with its progress.
    long pre_fault_memory(int fd, std::uintptr_t argument) noexcept;

private:
    // unasked.cpp: nullopt: nothing was injected.
    std::optional<long> meet_unasked(int fd, unsigned long argument) noexcept;

    // What the next KVM_RUN begins with.
    enum class Next : std::uint8_t { enter, access, answer };

    long run_and_correct(int fd, unsigned long argument) noexcept;

    // vcpu_exits.cpp
    long settle(int fd, long result) noexcept;
    bool exit_stands(long result) const noexcept;
    long correct(int fd, long result) noexcept;
    long correct_fault() noexcept;
    void note_request(uapi::HypercallExit const &exit) noexcept;
    long correct_mmio() noexcept;
    long correct_internal_error(int fd) noexcept;
    long resume_access() noexcept;
    long tell_memory_fault(std::uint64_t gpa, Attribute access) noexcept;

    // vcpu_stops.cpp
    void tell_stop(int fd) noexcept;

    // vcpu_hypercalls.cpp: hosts that repeat hypercalls for ever
    enum class Found : std::uint8_t { nothing, answered, exit };
    long run_watched(int fd, unsigned long argument) noexcept;
    long correct_breakpoint(int fd) noexcept;
    Found find_hypercall(int fd) noexcept;
    bool at_hypercall(int fd, std::uint64_t linear_ip) noexcept;
    void deliver_answer(int fd) noexcept;
    void mask_inside_run(int fd, std::optional<os::KernelSignalSet> mask) noexcept;

    std::atomic<std::uint64_t> references_ { 0 };
    Vm *vm_ { nullptr };
    uapi::RunPage *page_ { nullptr };
    launch::VcpuState launch_;
    launch::CpuidTable cpuid_; // of VMs on SNP, and of TDs
    std::uint64_t identity_ { 0 }; // never used twice in a process
    PreFaults pre_faults_ { PreFaults::by_gmem };
    Next next_ { Next::enter };
    bool answer_in_long_mode_ { false }; // Next::answer: how the guest called
    static constexpr std::uint64_t nowhere { ~std::uint64_t { 0 } };
    std::uint64_t gave_code_ { nowhere }; // after a failed emulation: where the code is whose page the guest was given; until an exit that stands
    bool told_stop_ { false };
    bool gave_everything_ { false }; // after a fault of which the real KVM did not say where; until an exit that is none
    uapi::MmioExit access_ {}; // Next::access: what the real KVM waits for
    bool program_debugs_ { false };
    Breakpoints breakpoints_; // at hypercalls that were found; unused while the program debugs
    std::optional<os::KernelSignalSet> program_mask_; // KVM_SET_SIGNAL_MASK, as the program wants it
    std::optional<os::KernelSignalSet> mask_inside_;  // and as the real KVM has it
};

} // namespace gmem::kvm
