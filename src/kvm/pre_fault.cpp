// KVM_PRE_FAULT_MEMORY where the real KVM lacks it: specification 4.2, and KVM's documented API. What can be done from here is to give
// the pages memory; the guest's page tables are the real KVM's.

#include "kvm/scripted/choice.hpp"
#include "kvm/vcpu.hpp"
#include "observe/recording.hpp"
#include "os/mapping_calls.hpp"
#include "os/user_memory.hpp"

#include <algorithm>

namespace gmem::kvm {
namespace {

// As much as is done between two looks at pending signals, and under the VM's lock.
constexpr std::uint64_t step { std::uint64_t { 1 } << 20 };

Status populate_addresses(os::AddressRange r) noexcept
{
    for (auto const advice : { os::madv_populate_write, os::madv_populate_read }) { // a mapping may be read-only
        auto const result { os::system_call(SYS_madvise, r.begin, r.length(), advice) };
        if (!os::failed(result))
            return Ok {};
        if (result == -EINTR || result == -EAGAIN || result == -EHWPOISON)
            return Error::os(result, "pre_fault.populate");
    }
    // Kernels before 5.14 do not know the advice: touch page by page.
    for (auto at { r.begin }; at < r.end; at += page_size) {
        std::uint8_t byte;
        GMEM_CHECK(os::copy_from_program(&byte, at, 1));
    }
    return Ok {};
}

// What was asked stands in the argument before the call, what is left after it.
template <typename Call>
long recorded(std::uint64_t vm, std::uintptr_t argument, Call &&call) noexcept
{
    observe::Recording event { observe::Kind::pre_fault, observe::Asks::who_called };
    uapi::PreFaultMemory request {};
    if (event && os::copy_from_program(&request, argument, sizeof request)) [[unlikely]] {
        event->size = request.size;
        event->more = { request.gpa, 0, request.size, vm, request.flags };
    }
    long const result { call() };
    if (event && os::copy_from_program(&request, argument, sizeof request)) [[unlikely]]
        event->more[2] = request.size;
    event.done(result);
    return result;
}

} // namespace

// KVM maps what it pre-faults: a private page becomes the guest's. Before the end of a launch it does not (kvm->arch.pre_fault_allowed).
Result<std::uint64_t> Vm::give_to_guest(Slot const &slot, std::uint64_t gpa, std::uint64_t length) noexcept
{
    if (trust_.phase == platform::Phase::launching)
        return Error::with_errno(EOPNOTSUPP, "pre_fault.launching");
    if (!slot.file->try_acquire())
        return Error::with_errno(EFAULT, "pre_fault.nothing");
    auto const who { scripted::processors() == scripted::Processors::scripted ? memory::GuestMemory::Accepts::guest : memory::GuestMemory::Accepts::gmem };
    auto const give { [&](std::uint64_t at) noexcept { return slot.file->guest_touch(PageNo::holding(Bytes { slot.file_offset + (at - slot.gpa) }), at >> page_bits, who); } };
    auto refused { Error::with_errno(EFAULT, "pre_fault.nothing") };
    std::uint64_t done { 0 };
    for (; done < length; done += page_size)
        if (auto const given { give(gpa + done) }; !given) {
            refused = given.error();
            break;
        }
    slot.file->release();
    if (done == 0)
        return refused;
    return done;
}

Result<std::uint64_t> Vm::populate(std::uint64_t gpa, std::uint64_t size) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(gpa) };
    if (!slot)
        return Error::with_errno(ENOENT, "pre_fault.no_slot");
    auto const source_of_slot { source(*slot, frames_.at(PageNo::holding(Bytes { gpa }))) };
    if (source_of_slot == 0)
        return Error::with_errno(EFAULT, "pre_fault.nothing");
    auto const from { gpa - slot->gpa };
    auto const limit { gpa + std::min({ size, slot->size - from, step - gpa % step }) };
    auto const length { end_of_piece(*slot, gpa, limit, nullptr) - gpa };
    if (gates_guests() && slot->file_alive())
        return give_to_guest(*slot, gpa, length);
    GMEM_CHECK(populate_addresses({ source_of_slot + from, source_of_slot + from + length }));
    return length;
}

long Vm::pre_fault(std::uintptr_t argument) noexcept
{
    uapi::PreFaultMemory request;
    if (!os::copy_from_program(&request, argument, sizeof request))
        return -EFAULT;
    long result { 0 };
    auto const asked { request.size };
    if (request.flags != 0 || request.gpa % page_size || request.size % page_size || request.gpa + request.size <= request.gpa) {
        result = -EINVAL; // unknown flags; alignment; nothing, or beyond the end of everything
    } else if (awaits_launch()) {
        result = -EOPNOTSUPP;
    } else {
        os::SignalsBlocked blocked;
        while (request.size != 0 && result == 0) {
            if (blocked.one_waits()) {
                result = -EINTR;
                break;
            }
            auto const done { populate(request.gpa, request.size) };
            if (!done) {
                result = -done.error().err;
                break;
            }
            request.gpa += done.value();
            request.size -= done.value();
        }
    }
    // What is left goes back whatever happened; progress is success.
    if (!os::copy_to_program(argument, &request, sizeof request))
        return -EFAULT;
    return request.size != asked ? 0 : result;
}

long Vm::pre_fault_memory(std::uintptr_t argument) noexcept
{
    return recorded(number(), argument, [&]() noexcept { return pre_fault(argument); });
}

long Vcpu::pre_fault_memory(int fd, std::uintptr_t argument) noexcept
{
    if (pre_faults_ == PreFaults::by_gmem || vm_->gates_guests())
        return vm_->pre_fault_memory(argument);
    return recorded(vm_->number(), argument, [&]() noexcept { return os::system_call(SYS_ioctl, fd, uapi::pre_fault_memory, argument); });
}

} // namespace gmem::kvm
