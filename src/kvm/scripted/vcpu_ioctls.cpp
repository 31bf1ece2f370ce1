// KVM's ioctls of a vCPU, as far as a script has what they are about. docs/scripted-vcpu.md has the list.

#include "gmem/realm.h"
#include "kvm/exit_figures.hpp"
#include "kvm/exit_notes.hpp"
#include "kvm/hypercall.hpp"
#include "kvm/scripted/vcpu.hpp"
#include "kvm/signal_mask.hpp"
#include "observe/inject.hpp"
#include "os/kick.hpp"
#include "os/user_memory.hpp"

#include <algorithm>
#include <array>

namespace gmem::kvm::scripted {
namespace {

constexpr unsigned steps_between_looks { 16 }; // at signals: a system call, as an access is several

constexpr unsigned long get_mp_state { uapi::ior(0x98, 4) }, set_mp_state { uapi::iow(0x99, 4) };
constexpr std::uint32_t runnable { 0 }; // KVM_MP_STATE_RUNNABLE
constexpr unsigned long set_msrs { uapi::iow(0x89, 8) };

// State of a processor that VMMs set before the first run and that no operation could see: taken and forgotten. To read it is ENOTTY.
constexpr std::array forgotten {
    uapi::iow(0x8d, 416),  // KVM_SET_FPU
    uapi::iow(0x8f, 1024), // KVM_SET_LAPIC
    uapi::set_cpuid2,
    uapi::iow(0xa0, 64),   // KVM_SET_VCPU_EVENTS
    uapi::iow(0xa2, 128),  // KVM_SET_DEBUGREGS
    uapi::iow(0xa5, 4096), // KVM_SET_XSAVE
    uapi::iow(0xa7, 392),  // KVM_SET_XCRS
};

template <typename State>
long give(std::uintptr_t argument, State const &state) noexcept { return os::copy_to_program(argument, &state, sizeof state) ? 0 : -EFAULT; }

} // namespace

// The program's thread writes it at any time.
bool Vcpu::asked_to_leave() const noexcept { return __atomic_load_n(&reinterpret_cast<uapi::RunPage *>(shared_)->immediate_exit, __ATOMIC_RELAXED) != 0; }

// What was left to the VMM is finished first, then immediate_exit is looked at: KVM's order.
long Vcpu::run(unsigned long argument, os::KernelSignalSet mask_before) noexcept
{
    if (argument != 0)
        return -EINVAL;
    if (auto const admitted { vm_.admit_run(launch_) }; admitted != 0)
        return admitted;
    auto ended { interpreter_.complete() };
    if (observe::Inject::on() && !ended && !asked_to_leave()) [[unlikely]]
        if (auto const request { vm_.unasked() })
            return tell(*reinterpret_cast<uapi::RunPage *>(shared_), *request);
    auto const mask { mask_.value_or(mask_before) };
    for (unsigned steps { 0 }; !ended; ++steps) {
        if (asked_to_leave())
            return -EINTR;
        if (steps % steps_between_looks == 0 && os::signal_waits(mask)) {
            reinterpret_cast<uapi::RunPage *>(shared_)->exit_reason = uapi::exit_interrupted;
            return -EINTR;
        }
        ended = interpreter_.step();
    }
    return *ended;
}

long Vcpu::set_signal_mask(std::uintptr_t argument) noexcept
{
    if (argument == 0) {
        mask_ = std::nullopt;
        return 0;
    }
    SignalMask mask;
    if (!os::copy_from_program(&mask, argument, sizeof mask))
        return -EFAULT;
    if (mask.length != sizeof mask.bytes)
        return -EINVAL;
    os::KernelSignalSet set;
    __builtin_memcpy(&set, mask.bytes, sizeof set);
    mask_ = set;
    return 0;
}

long Vcpu::exchange_state(unsigned long command, std::uintptr_t argument) noexcept
{
    switch (command) {
    case uapi::get_regs:
        return give(argument, interpreter_.registers());
    case uapi::set_regs: {
        Registers wanted;
        if (!os::copy_from_program(&wanted, argument, sizeof wanted))
            return -EFAULT;
        interpreter_.set_registers(wanted);
        return 0;
    }
    case uapi::get_sregs:
        return give(argument, special_);
    case uapi::set_sregs: {
        SpecialRegisters wanted;
        if (!os::copy_from_program(&wanted, argument, sizeof wanted))
            return -EFAULT;
        special_ = wanted;
        return 0;
    }
    case get_mp_state:
        return give(argument, runnable);
    case set_mp_state: {
        std::uint32_t wanted;
        if (!os::copy_from_program(&wanted, argument, sizeof wanted))
            return -EFAULT;
        return wanted == runnable ? 0 : -EINVAL;
    }
    case set_msrs: { // so many were set
        std::uint32_t count;
        return os::copy_from_program(&count, argument, sizeof count) ? static_cast<long>(count) : -EFAULT;
    }
    default:
        return std::ranges::find(forgotten, command) != forgotten.end() ? 0 : -ENOTTY;
    }
}

long Vcpu::ioctl(unsigned long command, std::uintptr_t argument) noexcept
{
    if (vm_.is_bugged())
        return -EIO;
    if (command == uapi::memory_encrypt_op)
        return vm_.encrypt_vcpu(launch_, argument).value_or(-ENOTTY);
    if (command == GMEM_REALM_REC_CREATE)
        return vm_.create_rec(launch_, argument).value_or(-ENOTTY);
    if (command == uapi::pre_fault_memory)
        return vm_.pre_fault_memory(argument);
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    switch (command) {
    case uapi::run: {
        auto const result { run(argument, blocked.before()) };
        note_exit(*reinterpret_cast<uapi::RunPage *>(shared_), result, vm_.number(), launch_.ordinal);
        return counted_exit(vm_, *reinterpret_cast<uapi::RunPage *>(shared_), result, launch_.ordinal);
    }
    case uapi::set_signal_mask:
        return set_signal_mask(argument);
    default:
        return exchange_state(command, argument);
    }
}

} // namespace gmem::kvm::scripted
