#include "kvm/exit_figures.hpp"

#include "kvm/hypercall.hpp"
#include "observe/figures.hpp"
#include "os/signals.hpp"

namespace gmem::kvm {
namespace {

using observe::ExitFigures;

ExitFigures::Reason reason_of(uapi::RunPage const &page, long result) noexcept
{
    if (result == -EINTR || result == -EAGAIN)
        return ExitFigures::interrupted;
    if (result == -EFAULT || result == -EHWPOISON)
        return page.exit_reason == uapi::exit_memory_fault ? ExitFigures::memory_fault : ExitFigures::other;
    if (result != 0)
        return ExitFigures::other;
    switch (page.exit_reason) {
    case uapi::exit_io:           return ExitFigures::io;
    case uapi::exit_mmio:         return ExitFigures::mmio;
    case uapi::exit_hypercall:    return ExitFigures::hypercall;
    case uapi::exit_memory_fault: return ExitFigures::memory_fault;
    case uapi::exit_hlt:          return ExitFigures::halt;
    case uapi::exit_interrupted:  return ExitFigures::interrupted;
    default:                      return ExitFigures::other;
    }
}

} // namespace

void count_this_exit(Vm &vm, uapi::RunPage const &page, long result, std::size_t vcpu) noexcept
{
    auto *const log { observe::Log::header() };
    if (!log)
        return;
    auto const reason { reason_of(page, result) };
    observe::figures_of(*log).exits[vcpu % observe::Figures::shards].of[reason].fetch_add(1, std::memory_order_relaxed);
    if (reason == ExitFigures::memory_fault)
        vm.count_exit(page.memory_fault.gpa, &observe::FileFigures::faults);
    if (reason == ExitFigures::hypercall)
        if (auto const asked { Hypercall::asked_by(page.hypercall) })
            vm.count_exit(asked->gpa, &observe::FileFigures::requests);
}

void Vm::count_exit(std::uint64_t gpa, observe::Figure observe::FileFigures::*which) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(gpa) };
    if (slot && slot->file_alive())
        if (auto *const e { slot->file->figures().entry() })
            (e->*which).fetch_add(1, std::memory_order_relaxed);
}

} // namespace gmem::kvm
