#include "preload/processor.hpp"

#include "kvm/launch/processor.hpp"
#include "kvm/launch/tdx_uapi.hpp"
#include "memory/sigbus.hpp"
#include "os/say.hpp"
#include "os/signal_calls.hpp"
#include "os/user_memory.hpp"
#include "os/virtual_action.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <ucontext.h>

namespace gmem::preload {
namespace {

namespace launch = kvm::launch;
namespace uapi = kvm::uapi;

constexpr long set_cpuid { 0x1012 }; // ARCH_SET_CPUID

constinit os::VirtualAction program_action;
constinit platform::Kind kind { platform::Kind::sw_protected };
constinit std::uint32_t highest_extended { 0 };

bool let_cpuid_through(bool through) noexcept { return !os::failed(os::system_call(SYS_arch_prctl, set_cpuid, through ? 1 : 0)); }

launch::CpuidRegisters execute(std::uint32_t leaf, std::uint32_t subleaf) noexcept
{
    launch::CpuidRegisters r { leaf, 0, subleaf, 0 };
    asm volatile("cpuid" : "+a"(r.eax), "=b"(r.ebx), "+c"(r.ecx), "=d"(r.edx));
    return r;
}

// Compilers put no prefix before it.
bool at_cpuid(std::uintptr_t instruction) noexcept
{
    std::uint8_t code[2];
    return os::copy_from_program(code, instruction, sizeof code) && code[0] == 0x0f && code[1] == 0xa2;
}

// Bits 63:32 become 0, as the instruction does.
void answer(ucontext_t &context) noexcept
{
    auto &registers { context.uc_mcontext.gregs };
    auto const leaf { static_cast<std::uint32_t>(registers[REG_RAX]) };
    let_cpuid_through(true);
    auto const real { execute(leaf, static_cast<std::uint32_t>(registers[REG_RCX])) };
    let_cpuid_through(false);
    auto const told { launch::cpuid_on(kind, leaf, real, highest_extended) };
    registers[REG_RAX] = told.eax;
    registers[REG_RBX] = told.ebx;
    registers[REG_RCX] = told.ecx;
    registers[REG_RDX] = told.edx;
    registers[REG_RIP] += 2;
}

void hand_to_program(siginfo_t &info, void *context) noexcept
{
    auto const action { program_action.take() };
    bool const sent { os::sent_by_a_process(info) };
    if (os::ignores(action) && sent)
        return;
    if (!os::handler_of(action)) { // the instruction is repeated, and this time it is death
        os::set_default_action(SIGSEGV);
        if (sent)
            os::raise_at_this_thread(SIGSEGV);
        return;
    }
    os::block_signals(Processor::passable(memory::Sigbus::to_kernel(action.mask))); // undone by sigreturn
    os::call(action, SIGSEGV, info, context);
}

void handle(int, siginfo_t *info, void *context) noexcept
{
    auto &state { *static_cast<ucontext_t *>(context) };
    if (info->si_code == SI_KERNEL && at_cpuid(static_cast<std::uintptr_t>(state.uc_mcontext.gregs[REG_RIP])))
        return answer(state);
    hand_to_program(*info, context);
}

} // namespace

constinit bool Processor::active_ { false };

void Processor::begin() noexcept
{
    char const *const wished { std::getenv("GMEM_PROCESSOR") };
    auto const wish { wished ? platform::kind_of(wished) : std::nullopt };
    if (wish != platform::Kind::snp && wish != platform::Kind::tdx)
        return;
    kind = *wish;
    highest_extended = execute(0x80000000, 0).eax;
    os::KernelSigaction real;
    if (!os::current_action(SIGSEGV, real))
        return;
    program_action.begin(real);
    if (!os::set_signal_handler(SIGSEGV, &handle, SA_ONSTACK))
        return;
    auto const mask { os::signal_mask() };
    active_ = true;
    if (passable(mask) != mask)
        os::set_signal_mask(passable(mask));
    if (!let_cpuid_through(false))
        os::say("this machine cannot give CPUID other answers: GMEM_PROCESSOR means nothing here");
}

void Processor::exchange(os::KernelSigaction const *next, os::KernelSigaction *previous) noexcept
{
    program_action.exchange(SIGSEGV, next, previous, nullptr);
}

void Processor::continue_in_child() noexcept { program_action.continue_in_child(); }

void Processor::correct_supported_cpuid(std::uintptr_t argument) noexcept
{
    uapi::Cpuid2 header;
    if (!active_ || !os::copy_from_program(&header, argument, sizeof header))
        return;
    for (std::uint32_t i { 0 }; i < std::min(header.nent, uapi::most_cpuid_entries); ++i) {
        auto const at { argument + sizeof header + i * sizeof(uapi::CpuidEntry2) };
        uapi::CpuidEntry2 entry;
        if (!os::copy_from_program(&entry, at, sizeof entry))
            return;
        if (entry.function != 0x80000008)
            continue;
        entry.eax = launch::supported_address_sizes(kind, entry.eax);
        (void)os::copy_to_program(at, &entry, sizeof entry);
    }
}

} // namespace gmem::preload
