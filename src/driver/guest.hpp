#pragma once
// A vCPU of `gmem run --vcpu=scripted` and its guest: operations of gmem/guest_script.h in a memslot of ordinary memory.

#include "driver/mapping.hpp"
#include "driver/page.hpp"
#include "driver/vm.hpp"
#include "gmem/guest_script.h"

#include <optional>
#include <span>

namespace gmem::driver {

// Why KVM_RUN came back. `reason` is kvm_run's; not valid where the call failed otherwise than as a memory fault.
struct Exit final {
    int err;              // 0, or errno of KVM_RUN
    std::uint32_t reason; // KVM_EXIT_...
    bool is(std::uint32_t wanted) const { return err == 0 && reason == wanted; }
    bool halted() const { return is(KVM_EXIT_HLT); }
    bool memory_fault() const { return err == EFAULT && reason == uapi::exit_memory_fault; }
};

enum class Side : std::uint32_t { shared = 0, private_ = GMEM_GUEST_PRIVATE, either = GMEM_GUEST_EITHER };

gmem_guest_op operation(std::uint32_t opcode, std::uint32_t flags = 0, std::uint64_t gpa = 0, std::uint64_t size = 0, std::uint64_t value = 0, std::uint64_t extra = 0);

class Guest final {
public:
    static constexpr std::size_t most_operations { 1023 };
    static constexpr std::uint64_t script_size { (most_operations + 1) * sizeof(gmem_guest_op) };

    // `script`: where the operations lie, in the memslot `slot`; page aligned, script_size bytes of guest physical memory that nothing else has.
    explicit Guest(Vm &vm, unsigned long id = 0, std::uint64_t script = 0x10000, std::uint32_t slot = 500);

    int vcpu() const { return vcpu_.get(); }
    kvm_run &run_page() const;
    uapi::MemoryFault fault() const; // of the last exit, if that was a memory fault

    // Writes the operations and a HALT behind them, and runs to the first exit.
    Exit run(std::span<gmem_guest_op const>);
    Exit run(gmem_guest_op const &one) { return run(std::span { &one, 1 }); }
    // Goes on after an exit; answer: what the hypercall returns.
    Exit resume();
    Exit answer(std::uint64_t value);
    // The operation as it is in memory: result and status.
    gmem_guest_op const &executed(std::size_t index = 0) const;

    // A page as the guest reads it. nullopt: it could not, and `exit` and executed() say why.
    std::optional<Page> read(std::uint64_t gpa, Side, Exit *exit = nullptr);
    // Each word of it; false as above.
    bool write(std::uint64_t gpa, Side, Page const &, Exit *exit = nullptr);

private:
    bool all_succeeded(Exit, std::size_t count, Exit *exit) const;

    Vm &vm_;
    std::uint64_t script_gpa_;
    Mapping script_;
    Descriptor vcpu_;
    Mapping run_;
};

} // namespace gmem::driver
