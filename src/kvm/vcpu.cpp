#include "kvm/vcpu.hpp"

#include "base/references.hpp"
#include "kvm/launch/td_entry.hpp"
#include "observe/inject.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

#include <new>

namespace gmem::kvm {
namespace {

constinit os::Mutex pool_lock;
constinit Vcpu *pool { nullptr };
constinit std::uint64_t last_identity { 0 };

// The program has its own mapping of the page, anywhere; this one is ours.
Result<uapi::RunPage *> map_run_page(int fd) noexcept
{
    auto const mapped { os::system_call(SYS_mmap, nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) };
    if (os::failed(mapped))
        return Error::os(mapped, "vcpu.map");
    return reinterpret_cast<uapi::RunPage *>(mapped);
}

} // namespace

Result<Vcpu *> Vcpu::create(Vm &vm, int fd, PreFaults pre_faults) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { pool_lock };
    if (!pool) {
        GMEM_TRY(memory, os::map_anonymous(Vcpu::most * sizeof(Vcpu), MAP_PRIVATE));
        pool = reinterpret_cast<Vcpu *>(memory);
    }
    for (std::size_t i { 0 }; i < most; ++i) {
        if (pool[i].in_use() || pool[i].page_)
            continue;
        GMEM_TRY(page, map_run_page(fd));
        auto *const vcpu { ::new (pool + i) Vcpu };
        vcpu->vm_ = &vm;
        vm.acquire();
        vcpu->page_ = page;
        vcpu->pre_faults_ = pre_faults;
        vcpu->launch_.ordinal = vm.vcpu_created();
        vcpu->identity_ = ++last_identity;
        vcpu->references_.store(1, std::memory_order_release);
        return vcpu;
    }
    return Error::of(Why::no_memory, "vcpu.pool");
}

Vcpu &Vcpu::at(std::size_t index) noexcept { return pool[index]; }
std::size_t Vcpu::index() const noexcept { return static_cast<std::size_t>(this - pool); }

bool Vcpu::try_acquire() noexcept { return acquire_if_alive(references_); }

void Vcpu::release() noexcept
{
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1)
        return;
    auto const page { reinterpret_cast<std::uintptr_t>(page_) };
    os::unmap({ page, page + page_size });
    cpuid_.clear();
    vm_->release();
    vm_ = nullptr;
    os::SignalsBlocked blocked;
    os::Locked guard { pool_lock };
    page_ = nullptr; // free again
}

std::optional<long> Vcpu::encrypt(int fd, std::uintptr_t argument) noexcept
{
    bool const before { launch_.tdx_initialised };
    auto const result { vm_->encrypt_vcpu(launch_, argument) };
    if (!before && launch_.tdx_initialised && vm_->is_td())
        launch::begin_as_td(fd, launch_.td_entry);
    return result;
}

std::optional<long> Vcpu::set_cpuid(int fd, std::uintptr_t argument) noexcept
{
    if (vm_->platform() == platform::Kind::snp)
        return cpuid_.set(fd, argument, launch::CpuidTable::Of::guest);
    return vm_->is_td() ? std::optional { cpuid_.set(fd, argument, launch::CpuidTable::Of::td) } : std::nullopt;
}

std::optional<long> Vcpu::get_cpuid(std::uintptr_t argument) noexcept { return cpuid_.get(argument); }

long Vcpu::run_and_correct(int fd, unsigned long argument) noexcept
{
    if (auto const admitted { vm_->admit_run(launch_) }; admitted != 0) [[unlikely]]
        return admitted;
    if (next_ == Next::access) [[unlikely]] {
        if (auto const told { resume_access() }; told <= 0)
            return told;
    } else if (next_ == Next::answer) [[unlikely]] {
        deliver_answer(fd);
    }
    if (observe::Inject::on()) [[unlikely]]
        if (auto const told { meet_unasked(fd, argument) })
            return *told;
    if (vm_->runs_are_watched()) [[unlikely]]
        return run_watched(fd, argument);
    if (mask_inside_ != program_mask_) [[unlikely]] // was watched
        mask_inside_run(fd, program_mask_);
    auto const result { os::system_call(SYS_ioctl, fd, uapi::run, argument) };
    if (result == 0 && gave_everything_) [[unlikely]]
        gave_everything_ = false;
    return settle(fd, result);
}

} // namespace gmem::kvm
