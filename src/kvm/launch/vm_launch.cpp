// A VM's launch through KVM's own ioctls, and what it holds back until the launch is done.

#include "kvm/launch/program_page.hpp"
#include "kvm/vm.hpp"
#include "memory/pool.hpp"
#include "os/mapping_calls.hpp"
#include "platform/profile.hpp"

#include <algorithm>

namespace gmem::kvm {
namespace {

// The registers of all vCPUs of a VM, in memory of their own, in the order of creation.
class AllVcpus final {
public:
    AllVcpus(Vm const &vm, launch::VcpusOf registers_of, std::size_t most) noexcept
    {
        if (most == 0)
            return;
        auto mapped { os::map_anonymous(most * sizeof(launch::VcpuRegisters), MAP_PRIVATE) };
        failed_ = !mapped;
        if (failed_)
            return;
        auto *const first { reinterpret_cast<launch::VcpuRegisters *>(std::move(mapped).take()) };
        bytes_ = most * sizeof(launch::VcpuRegisters);
        all_ = { first, registers_of(vm, first, most) };
        std::ranges::sort(all_, {}, &launch::VcpuRegisters::ordinal);
    }
    ~AllVcpus()
    {
        auto const begin { reinterpret_cast<std::uintptr_t>(all_.data()) };
        if (bytes_ != 0)
            os::unmap({ begin, begin + bytes_ });
    }
    AllVcpus(AllVcpus const &) = delete;

    bool failed() const noexcept { return failed_; }
    std::span<launch::VcpuRegisters const> all() const noexcept { return all_; }

private:
    std::span<launch::VcpuRegisters> all_ {};
    std::size_t bytes_ { 0 };
    bool failed_ { false };
};

using Step = observe::LaunchStep;

Step step_of_sev(std::uint32_t id) noexcept
{
    switch (id) {
    case uapi::sev_init2:             return Step::sev_init2;
    case uapi::sev_snp_launch_start:  return Step::snp_start;
    case uapi::sev_snp_launch_update: return Step::snp_update;
    case uapi::sev_snp_launch_finish: return Step::snp_finish;
    default:                          return Step::other;
    }
}

Step step_of_tdx(std::uint32_t id) noexcept
{
    constexpr Step steps[] { Step::tdx_capabilities, Step::tdx_init_vm, Step::tdx_init_vcpu, Step::tdx_init_mem_region, Step::tdx_finalize, Step::tdx_get_cpuid };
    return id < std::size(steps) ? steps[id] : Step::other;
}

// Makes `call(event)`, a step of VM `vm`'s launch.
template <typename Call>
long recorded(std::uint64_t vm, Call &&call) noexcept
{
    observe::Recording event { observe::Kind::launch, observe::Asks::who_called };
    if (event) [[unlikely]]
        event->more[3] = vm;
    long const result { call(event) };
    event.done(result);
    return result;
}

} // namespace

void Vm::launch_changed() noexcept
{
    if (auto const phase { launch_.phase(platform::Profile::current()) }; phase != trust_.phase) {
        trust_.phase = phase;
        memory::for_each_file_of(identity(), [phase](memory::GuestMemory &file) noexcept { file.set_phase(phase); });
    }
    gate_.store(launch_.gate(), std::memory_order_release);
}

std::optional<long> Vm::encrypt(std::uintptr_t argument, launch::VcpusOf registers_of, launch::IsSevDevice is_sev) noexcept
{
    switch (trust_.kind) {
    case platform::Kind::snp:
        return argument == 0 ? 0 : recorded(number(), [&](observe::Recording &event) noexcept { return encrypt_snp(argument, registers_of, is_sev, event); }); // 0: "is there any of it?"
    case platform::Kind::tdx:
        return recorded(number(), [&](observe::Recording &event) noexcept { return encrypt_tdx(argument, event); });
    default:                  return has_private_memory() ? std::optional<long> { -ENOTTY } : std::nullopt;
    }
}

// The vCPUs are asked before the VM's lock is taken: theirs is outer to it.
long Vm::encrypt_snp(std::uintptr_t argument, launch::VcpusOf registers_of, launch::IsSevDevice is_sev, observe::Recording &event) noexcept
{
    uapi::SevCommand command;
    if (!launch::take(&command, argument, sizeof command))
        return -EFAULT;
    if (event) [[unlikely]]
        event->detail = static_cast<std::uint8_t>(step_of_sev(command.id));
    AllVcpus const vcpus { *this, registers_of, command.id == uapi::sev_snp_launch_finish ? created_vcpus_.load(std::memory_order_relaxed) : 0 };
    if (vcpus.failed())
        return -ENOMEM;
    long result { 0 };
    {
        os::SignalsBlocked blocked;
        os::Locked guard { lock_ };
        result = launch_.snp->command(command, { { slots_, frames_, mode_, blocked, event }, trust_, created_vcpus_.load(std::memory_order_relaxed), vcpus.all(), is_sev(static_cast<int>(command.sev_fd)) });
        if (event) [[unlikely]]
            event->value = result == -EIO ? static_cast<std::uint16_t>(command.error) : 0;
        event.write(result);
        launch_changed();
    }
    return launch::give(argument, &command, sizeof command) ? result : -EFAULT;
}

long Vm::encrypt_tdx(std::uintptr_t argument, observe::Recording &event) noexcept
{
    uapi::TdxCommand command;
    if (!launch::take(&command, argument, sizeof command))
        return -EFAULT;
    if (event) [[unlikely]]
        event->detail = static_cast<std::uint8_t>(step_of_tdx(command.id));
    long result { 0 };
    {
        os::SignalsBlocked blocked;
        os::Locked guard { lock_ };
        bool dead { false };
        result = launch_.tdx->command(command, trust_, dead);
        if (dead)
            bugged_.store(true, std::memory_order_relaxed);
        if (event) [[unlikely]]
            event->value = static_cast<std::uint16_t>(command.hw_error >> 32); // our number for it: tdx.cpp
        event.write(result);
        launch_changed();
    }
    return launch::give(argument, &command, sizeof command) ? result : -EFAULT;
}

std::optional<long> Vm::encrypt_vcpu(launch::VcpuState &vcpu, std::uintptr_t argument) noexcept
{
    if (trust_.kind != platform::Kind::tdx)
        return has_private_memory() ? std::optional<long> { -ENOTTY } : std::nullopt;
    return recorded(number(), [&](observe::Recording &event) noexcept { return encrypt_tdx_vcpu(vcpu, argument, event); });
}

long Vm::encrypt_tdx_vcpu(launch::VcpuState &vcpu, std::uintptr_t argument, observe::Recording &event) noexcept
{
    uapi::TdxCommand command;
    if (!launch::take(&command, argument, sizeof command))
        return -EFAULT;
    if (event) [[unlikely]]
        event->detail = static_cast<std::uint8_t>(step_of_tdx(command.id));
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    return launch_.tdx->command(command, { slots_, frames_, mode_, blocked, event }, vcpu);
}

// KVM pins the pages of such a region; of an SNP VM's nothing needs that.
std::optional<long> Vm::encrypted_region(std::uintptr_t argument) noexcept
{
    if (trust_.kind != platform::Kind::snp)
        return has_private_memory() ? std::optional<long> { -ENOTTY } : std::nullopt;
    uapi::EncryptedRegion region;
    if (!launch::take(&region, argument, sizeof region))
        return -EFAULT;
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (!launch_.snp->initialised())
        return -ENOTTY;
    return region.size != 0 && region.addr + region.size >= region.addr ? 0 : -EINVAL;
}

std::optional<long> Vm::create_realm(std::uintptr_t argument) noexcept
{
    if (trust_.kind != platform::Kind::cca)
        return std::nullopt;
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    return launch_.cca->create(argument);
}

std::optional<long> Vm::create_rec(launch::VcpuState &vcpu, std::uintptr_t argument) noexcept
{
    if (trust_.kind != platform::Kind::cca)
        return std::nullopt;
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    return launch_.cca->create_rec(argument, vcpu);
}

std::optional<long> Vm::populate_realm(std::uintptr_t argument) noexcept
{
    if (trust_.kind != platform::Kind::cca)
        return std::nullopt;
    return recorded(number(), [&](observe::Recording &event) noexcept {
        if (event) [[unlikely]]
            event->detail = static_cast<std::uint8_t>(observe::LaunchStep::realm_populate);
        os::SignalsBlocked blocked;
        os::Locked guard { lock_ };
        return launch_.cca->populate(argument, { slots_, frames_, mode_, blocked, event });
    });
}

bool Vm::is_td() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    return launch_.tdx && launch_.duty == launch::Duty::due;
}

bool Vm::was_launched() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    return launch_.finished() && (launch_.snp || launch_.tdx);
}

// assumption: the errno of KVM for a vCPU of a TD that is not there yet, or already complete.
long Vm::admit_vcpu() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    bool const has_launch { launch_.tdx && (launch_.duty == launch::Duty::due || launch_.tdx->initialised()) };
    return has_launch && (!launch_.tdx->initialised() || launch_.tdx->finished()) ? -EIO : 0;
}

long Vm::admit_run_slowly(launch::VcpuState const &vcpu) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    switch (launch_.gate()) {
    case launch::Gate::open:         return 0;
    case launch::Gate::closed:       return -EINVAL;
    case launch::Gate::of_its_vcpus: return vcpu.tdx_initialised ? 0 : -EINVAL;
    case launch::Gate::realm:        break;
    }
    return recorded(number(), [&](observe::Recording &event) GMEM_NO_THREAD_SAFETY noexcept {
        if (event) [[unlikely]]
            event->detail = static_cast<std::uint8_t>(observe::LaunchStep::realm_activate);
        auto const result { launch_.cca->activate() };
        event.write(result);
        launch_changed();
        return result;
    });
}

// Profiles of the RFC: the guest may not fault in what the launch has not yet seen.
Status Vm::check_early_fault() noexcept
{
    if (trust_.phase != platform::Phase::launching || !platform::Profile::current().early_fault_bugs_vm) [[likely]]
        return Ok {};
    bugged_.store(true, std::memory_order_relaxed);
    return Error::with_errno(EFAULT, "guest.early_fault");
}

} // namespace gmem::kvm
