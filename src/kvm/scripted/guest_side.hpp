#pragma once
// What a scripted vCPU needs of its VM: guest memory as the guest meets it, and the instructions of the VM's platform.

#include "kvm/scripted/operation.hpp"

#include <cerrno>
#include <cstddef>

namespace gmem::kvm::scripted {

// What an access met.
struct Met final {
    enum class What : std::uint8_t {
        done,
        mmio,         // no memslot, or a write to a read-only one: the VMM's
        memory_fault, // KVM_EXIT_MEMORY_FAULT
        exception,    // taken inside the guest
        vm_dead,      // EIO
        retry,        // the host has done something: once more
    };
    What what { What::done };
    platform::Side side { platform::Side::shared }; // memory_fault: what the access counted as
    std::uint64_t status { 0 };                     // exception: GMEM_GUEST_EXCEPTION and which. memory_fault: what KVM_RUN fails with, an errno

    static constexpr Met fault(platform::Side s, int error = EFAULT) noexcept { return { What::memory_fault, s, static_cast<std::uint64_t>(error) }; }
    bool done() const noexcept { return what == What::done; }
};

// What an instruction about the guest's own pages answered.
struct Answered final {
    Met met {}; // not done: the instruction has not begun
    std::uint64_t status { 0 }, result { 0 };
};

class GuestSide {
public:
    virtual platform::Kind kind() const noexcept = 0;

    // KVM_CAP_EXIT_HYPERCALL: may KVM_HC_MAP_GPA_RANGE be handed to the VMM?
    virtual bool hypercalls_exit() const noexcept = 0;

    // One access, not across a page. No conversion of the page comes between the question and the access; up to 8 aligned bytes are one
    // access for other vCPUs too.
    virtual Met read(std::uint64_t gpa, Side side, void *to, std::size_t size) noexcept = 0;
    virtual Met write(std::uint64_t gpa, Side side, void const *from, std::size_t size) noexcept = 0;

    // Is the page at `gpa` what KVM calls private?
    virtual bool is_private(std::uint64_t gpa) noexcept = 0;

    // PVALIDATE and its like; the operation is one of kind(). MEM_SHARE and its like: what EL2 does. RSI_IPA_STATE_SET: the page at gpa,
    // once the VMM has answered; result 1: it is done.
    virtual Answered instruction(Operation const &operation) noexcept = 0;

    // The vCPU is about to exit to the VMM with a request for [gpa, gpa + size) to become `to`.
    virtual void asks(std::uint64_t gpa, std::uint64_t size, platform::Side to) noexcept = 0;

protected:
    ~GuestSide() = default;
};

} // namespace gmem::kvm::scripted
