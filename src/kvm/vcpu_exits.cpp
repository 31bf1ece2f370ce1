// The exits of KVM_RUN that gmem corrects. Specification 4.2 and 4.4; docs/exits.md.

#include "kvm/hypercall.hpp"
#include "kvm/vcpu.hpp"
#include "os/user_memory.hpp"

#include <utility>

namespace gmem::kvm {
namespace {

constexpr std::uint64_t page_of(std::uint64_t gpa) noexcept { return gpa & ~(page_size - 1); }

} // namespace

// Every exit of every guest passes here: a few loads.
long Vcpu::settle(int fd, long result) noexcept
{
    if (!exit_stands(result)) [[unlikely]]
        return correct(fd, result);
    if (result == 0 && gave_code_ != nowhere) [[unlikely]]
        gave_code_ = nowhere;
    return result;
}

bool Vcpu::exit_stands(long result) const noexcept
{
    if (result != 0)
        return result != -EFAULT || !vm_->gates_guests();
    switch (page_->exit_reason) {
    case uapi::exit_hypercall:
        return !vm_->gates_guests();
    case uapi::exit_mmio:
        return !vm_->may_hold(page_->mmio.gpa);
    case uapi::exit_internal_error:
    case uapi::exit_shutdown:
    case uapi::exit_fail_entry:
        return false;
    case uapi::exit_debug:
        return program_debugs_ || !breakpoints_.has(page_->debug.pc);
    default:
        return true;
    }
}

long Vcpu::correct(int fd, long result) noexcept
{
    if (result != 0)
        return correct_fault();
    switch (page_->exit_reason) {
    case uapi::exit_mmio:  return correct_mmio();
    case uapi::exit_hypercall:
        note_request(page_->hypercall);
        return 0;
    case uapi::exit_debug: return correct_breakpoint(fd);
    default:               break;
    }
    bool const emulation_failed { page_->exit_reason == uapi::exit_internal_error && page_->internal.suberror == uapi::internal_error_emulation };
    auto const corrected { emulation_failed ? correct_internal_error(fd) : 0 };
    if (corrected == 0)
        tell_stop(fd);
    return corrected;
}

// Before the VMM hears of it: the conversion that answers is looked up in gmem's copy, for the run page is the VMM's to write.
void Vcpu::note_request(uapi::HypercallExit const &exit) noexcept
{
    if (auto const asked { Hypercall::asked_by(exit) })
        vm_->guest_asks(asked->gpa, asked->size, asked->to);
}

// The real KVM found nothing behind the address, and waits for the VMM to make the access. KVM_RUN is not entered again here: a
// signal that came meanwhile must not be lost, and EINTR is always right.
long Vcpu::correct_mmio() noexcept
{
    auto const place { vm_->place(page_->mmio.gpa) };
    if (place.what == GuestPlace::What::foreign || (place.read_only && page_->mmio.is_write))
        return 0;
    access_ = page_->mmio;
    next_ = Next::access;
    return place.what == GuestPlace::What::fault ? tell_memory_fault(access_.gpa, place.access) : -EINTR;
}

// Completes the access that the real KVM waits for, if what is at its address now allows that. > 0: KVM_RUN may be entered.
long Vcpu::resume_access() noexcept
{
    if (page_->immediate_exit)
        return -EINTR;
    auto const place { vm_->place(access_.gpa) };
    if (place.what == GuestPlace::What::fault)
        return tell_memory_fault(access_.gpa, place.access);
    if (place.what == GuestPlace::What::memory) {
        if (vm_->gates_guests())
            if (auto const used { vm_->use(access_.gpa, memory::GuestMemory::Accepts::gmem) }; !used && used.error().err != ENOENT)
                return -used.error().err;
        auto const length { access_.length <= sizeof access_.data ? access_.length : sizeof access_.data };
        auto const done { access_.is_write ? os::copy_to_program(place.address, access_.data, length) : os::copy_from_program(access_.data, place.address, length) };
        if (!done && vm_->gates_guests())
            return -EINTR; // a conversion came between the two: the access is made anew
        if (!done)
            return tell_memory_fault(access_.gpa, place.access);
    }
    page_->exit_reason = uapi::exit_mmio;
    page_->mmio = access_;
    next_ = Next::enter;
    return place.what == GuestPlace::What::memory ? 1 : 0; // no memslot any more: it is MMIO now, and the program's
}

// A page table of the guest's that the real KVM could not follow into the guest's window. Where it does not say which page it wanted, the
// guest is given all of them: as if it had used them already.
long Vcpu::correct_fault() noexcept
{
    bool const told { page_->exit_reason == uapi::exit_memory_fault };
    if (!told && gave_everything_) { // to no avail: there really is nothing
        gave_everything_ = false;
        return -EFAULT;
    }
    gave_everything_ = !told;
    auto const used { told ? vm_->use(page_->memory_fault.gpa, memory::GuestMemory::Accepts::gmem) : vm_->use_everything() };
    if (used)
        return -EINTR;
    return used.error().err == ENOENT ? -EFAULT : -used.error().err; // ENOENT: no page of a file, so the real KVM's word stands
}

// A fetch from where nothing is ends as a failed emulation; the instruction has not begun, so nothing waits for completion. Where the page was not yet the guest's it is now,
// and the instruction is fetched again: once, for it may be one that the real KVM does not know.
long Vcpu::correct_internal_error(int fd) noexcept
{
    Registers regs;
    SpecialRegisters sregs;
    if (os::failed(os::system_call(SYS_ioctl, fd, uapi::get_regs, &regs)) || os::failed(os::system_call(SYS_ioctl, fd, uapi::get_sregs, &sregs)))
        return 0;
    auto const gpa { translate(fd, sregs.linear_ip(regs)) };
    if (!gpa || !vm_->may_hold(*gpa))
        return 0;
    auto const place { vm_->place(*gpa) };
    if (place.what == GuestPlace::What::memory && vm_->gates_guests()) {
        bool const again { std::exchange(gave_code_, *gpa) == *gpa };
        return !again && vm_->use(*gpa, memory::GuestMemory::Accepts::gmem) ? -EINTR : 0;
    }
    return place.what == GuestPlace::What::fault ? tell_memory_fault(*gpa, place.access) : 0;
}

long Vcpu::tell_memory_fault(std::uint64_t gpa, Attribute access) noexcept
{
    page_->exit_reason = uapi::exit_memory_fault;
    page_->memory_fault = { .flags = access == Attribute::private_ ? uapi::memory_exit_private : 0, .gpa = page_of(gpa), .size = page_size };
    return -EFAULT;
}

} // namespace gmem::kvm
