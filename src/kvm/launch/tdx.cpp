#include "kvm/launch/tdx.hpp"

#include "kvm/launch/pages.hpp"
#include "kvm/launch/program_page.hpp"
#include "kvm/launch/report.hpp"
#include "kvm/launch/tdx_gate.hpp"
#include "os/mapping_calls.hpp"

#include <cstring>
#include <iterator>

namespace gmem::kvm::launch {
namespace {

using platform::tdx::Op;
using platform::tdx::Seam;

constexpr std::uint64_t most_entry_bytes { uapi::most_cpuid_entries * sizeof(uapi::CpuidEntry2) };

// The module's status as the program sees it: an error (bits 63 and 62), and in bits 47:32 our number for it, for the models have names only.
constexpr std::uint64_t hardware_error(Seam s) noexcept { return s == Seam::success ? 0 : UINT64_C(3) << 62 | static_cast<std::uint64_t>(s) << 32; }

long get_capabilities(uapi::TdxCommand const &command) noexcept
{
    if (command.flags != 0)
        return -EINVAL;
    uapi::Cpuid2 wanted;
    auto const cpuid { command.data + sizeof(uapi::TdxCapabilities) };
    if (!take(&wanted, cpuid, sizeof wanted))
        return -EFAULT;
    if (wanted.nent < std::size(tdx_offer::cpuid))
        return -E2BIG;
    uapi::TdxCapabilities offer {};
    offer.supported_attributes = tdx_offer::attributes;
    offer.supported_xfam = tdx_offer::xfam;
    uapi::Cpuid2 const count { static_cast<std::uint32_t>(std::size(tdx_offer::cpuid)), 0 };
    return give(command.data, &offer, sizeof offer) && give(cpuid, &count, sizeof count) && give(cpuid + sizeof count, tdx_offer::cpuid, sizeof tdx_offer::cpuid) ? 0 : -EFAULT;
}

} // namespace

Tdx::~Tdx()
{
    if (entries_)
        os::unmap({ entries_, entries_ + most_entry_bytes });
}

long Tdx::command(uapi::TdxCommand &command, Trust const &trust, bool &dead) noexcept
{
    if (command.hw_error != 0)
        return -EINVAL;
    switch (command.id) {
    case uapi::tdx_capabilities: return get_capabilities(command);
    case uapi::tdx_init_vm:      return init_vm(command, trust);
    case uapi::tdx_finalize_vm:  return finalize(command, dead);
    default:                     return -EINVAL;
    }
}

long Tdx::command(uapi::TdxCommand const &command, Memory const &memory, VcpuState &vcpu) noexcept
{
    if (!td_ || finished() || command.hw_error != 0)
        return -EINVAL;
    switch (command.id) {
    case uapi::tdx_init_vcpu:       return init_vcpu(command, vcpu);
    case uapi::tdx_init_mem_region: return init_mem_region(command, memory, vcpu);
    case uapi::tdx_get_cpuid:       return get_cpuid(command);
    default:                        return -EINVAL;
    }
}

long Tdx::keep_cpuid(std::uintptr_t from, std::uint32_t count) noexcept
{
    if (!entries_) {
        auto mapped { os::map_anonymous(most_entry_bytes, MAP_PRIVATE) };
        if (!mapped)
            return -ENOMEM;
        entries_ = std::move(mapped).take();
    }
    if (count != 0 && !take(reinterpret_cast<void *>(entries_), from, count * sizeof(uapi::CpuidEntry2)))
        return -EFAULT;
    count_ = count;
    return 0;
}

long Tdx::init_vm(uapi::TdxCommand const &command, Trust const &trust) noexcept
{
    if (td_ || command.flags != 0)
        return -EINVAL;
    uapi::TdxInitVm request;
    uapi::Cpuid2 cpuid;
    if (!take(&cpuid, command.data + sizeof request, sizeof cpuid))
        return -EFAULT;
    if (cpuid.nent > uapi::most_cpuid_entries)
        return -E2BIG;
    if (!take(&request, command.data, sizeof request))
        return -EFAULT;
    if (auto const kept { keep_cpuid(command.data + sizeof request + sizeof cpuid, cpuid.nent) }; kept != 0)
        return kept;
    auto const shared_bit { parse_init_vm(request, cpuid, { reinterpret_cast<uapi::CpuidEntry2 const *>(entries_), count_ }) };
    if (!shared_bit)
        return -shared_bit.error().err;
    if (auto const begun { begin(td_, trust.id) }; begun != 0)
        return begun;
    shared_bit_ = shared_bit.value();
    return 0;
}

// assumption: a TD without vCPUs is something that KVM does not expect of the module: EIO, and the VM is bugged.
long Tdx::finalize(uapi::TdxCommand &command, bool &dead) noexcept
{
    if (command.flags != 0 || !td_ || finished())
        return -EINVAL;
    auto const s { td_->finalize() };
    command.hw_error = hardware_error(s);
    if (s != Seam::success) {
        dead = true;
        return -EIO;
    }
    std::byte digest[platform::tdx::mrtd_bytes];
    td_->mrtd().read(digest);
    report(platform::Kind::tdx, digest, pages_);
    return 0;
}

long Tdx::init_vcpu(uapi::TdxCommand const &command, VcpuState &vcpu) noexcept
{
    if (vcpu.tdx_initialised || command.flags != 0)
        return -EINVAL;
    if (td_->create_vcpu() != Seam::success)
        return -EIO;
    vcpu.td_entry = { .rcx = command.data, .address_bits = shared_bit_ >> 51 ? 52u : 48u, .index = td_->vcpus() - 1 };
    vcpu.tdx_initialised = true;
    return 0;
}

// The error stays the call's answer, whatever was done before it; the region says how far that is.
long Tdx::init_mem_region(uapi::TdxCommand const &command, Memory const &memory, VcpuState const &vcpu) noexcept
{
    if (!vcpu.tdx_initialised || (command.flags & ~uapi::tdx_measure_memory_region) != 0)
        return -EINVAL;
    uapi::TdxInitMemRegion region;
    if (!take(&region, command.data, sizeof region))
        return -EFAULT;
    if (auto const parsed { parse_region(region, shared_bit_) }; !parsed)
        return -parsed.error().err;
    using platform::tdx::Measure;
    auto const measure { command.flags & uapi::tdx_measure_memory_region ? Measure::yes : Measure::no };
    TdxPages callback { *td_, measure, memory.in_place(), never_written_ };
    long result { 0 };
    while (region.nr_pages != 0 && result == 0) {
        auto const done { populate(memory, region.gpa >> page_bits, region.source_addr, region.nr_pages, callback) };
        if (!done) {
            result = -done.error().err;
            break;
        }
        pages_ += done.value();
        region.gpa += done.value() * page_size;
        region.nr_pages -= done.value();
        if (region.source_addr != 0)
            region.source_addr += done.value() * page_size;
    }
    if (result != -EINTR)
        warn(never_written_, measure);
    return give(command.data, &region, sizeof region) ? result : -EFAULT;
}

// What INIT_VM was given. It belongs to the TD: the vCPU that is asked need not be initialised, and VMMs ask first.
// assumption: a real module's answer has its own fixed bits as well.
long Tdx::get_cpuid(uapi::TdxCommand const &command) const noexcept
{
    if (command.flags != 0)
        return -EINVAL;
    uapi::Cpuid2 cpuid;
    if (!take(&cpuid, command.data, sizeof cpuid))
        return -EFAULT;
    bool const fits { cpuid.nent >= count_ };
    cpuid = { count_, 0 };
    if (!give(command.data, &cpuid, sizeof cpuid))
        return -EFAULT;
    if (!fits)
        return -E2BIG;
    return count_ == 0 || give(command.data + sizeof cpuid, reinterpret_cast<void const *>(entries_), count_ * sizeof(uapi::CpuidEntry2)) ? 0 : -EFAULT;
}

} // namespace gmem::kvm::launch
