#pragma once
// A virtual processor that executes guest operations (include/gmem/guest_script.h) in the thread that calls KVM_RUN. docs/scripted-vcpu.md.
//
// Invariants:
//   S1  the object holds one reference to its VM, its own mapping of what vCPU and VMM share, from create() to the last release().
//   S2  what is between two KVM_RUNs changes under lock_: KVM's ioctls of one vCPU exclude each other.
//   S3  inside KVM_RUN every signal is blocked; one that the program would have noticed there ends it with EINTR and is delivered after.

#include "kvm/scripted/interpreter.hpp"
#include "kvm/vm.hpp"
#include "os/signals.hpp"

#include <atomic>
#include <optional>

namespace gmem::kvm::scripted {

class VmSide final : public GuestSide {
public:
    explicit VmSide(Vm &vm) noexcept : vm_ { vm } {}
    platform::Kind kind() const noexcept override { return vm_.platform(); }
    bool hypercalls_exit() const noexcept override { return vm_.hypercalls_exit(); }
    Met read(std::uint64_t gpa, Side side, void *to, std::size_t size) noexcept override { return vm_.access(gpa, side, platform::Access::read, to, size); }
    Met write(std::uint64_t gpa, Side side, void const *from, std::size_t size) noexcept override { return vm_.access(gpa, side, platform::Access::write, const_cast<void *>(from), size); }
    bool is_private(std::uint64_t gpa) noexcept override { return vm_.is_private(gpa); }
    Answered instruction(Operation const &operation) noexcept override { return vm_.instruct(operation); }
    void asks(std::uint64_t gpa, std::uint64_t size, platform::Side to) noexcept override
    {
        vm_.guest_asks(gpa, size, to == platform::Side::private_ ? Attribute::private_ : Attribute::shared);
    }

private:
    Vm &vm_;
};

class Vcpu final {
public:
    struct Made final {
        Vcpu *vcpu; // one reference for the caller
        int fd;     // the program's: what it maps is the run page
    };
    // EINVAL: no such id. EEXIST: the VM has one of that id. ENOMEM, and what the host refuses.
    static Result<Made> create(Vm &vm, unsigned long id) noexcept;
    static constexpr std::size_t most { 4096 }; // of all VMs
    static Vcpu &at(std::size_t index) noexcept;
    std::size_t index() const noexcept;

    bool try_acquire() noexcept;
    void release() noexcept;
    bool in_use() const noexcept { return references_.load(std::memory_order_acquire) != 0; }
    // Is `fd` still the descriptor that the program was given, or a duplicate?
    bool is_behind(int fd) const noexcept;

    Vm &vm() const noexcept { return vm_; }
    launch::VcpuState &launch() noexcept { return launch_; }

    // Every ioctl: a result, or -errno. ENOTTY for what a script has not.
    long ioctl(unsigned long command, std::uintptr_t argument) noexcept;

private:
    Vcpu(Vm &vm, unsigned long id, std::byte *shared) noexcept : vm_ { vm }, id_ { id }, shared_ { shared }, guest_ { vm }, interpreter_ { guest_, shared } {}

    long run(unsigned long argument, os::KernelSignalSet mask_before) noexcept GMEM_REQUIRES(lock_);
    bool asked_to_leave() const noexcept;
    long set_signal_mask(std::uintptr_t argument) noexcept GMEM_REQUIRES(lock_);
    long exchange_state(unsigned long command, std::uintptr_t argument) noexcept GMEM_REQUIRES(lock_);

    std::atomic<std::uint64_t> references_ { 0 };
    Vm &vm_;
    unsigned long id_;
    launch::VcpuState launch_;
    std::byte *shared_; // Interpreter::shared_bytes; null: the pool may hand the object out again
    std::uint64_t device_ { 0 }, inode_ { 0 };
    os::Mutex lock_; // outer to the VM's
    VmSide guest_;
    Interpreter interpreter_ GMEM_GUARDED_BY(lock_);
    SpecialRegisters special_ GMEM_GUARDED_BY(lock_) {};
    std::optional<os::KernelSignalSet> mask_ GMEM_GUARDED_BY(lock_); // KVM_SET_SIGNAL_MASK
};

} // namespace gmem::kvm::scripted
