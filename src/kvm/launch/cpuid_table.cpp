#include "kvm/launch/cpuid_table.hpp"

#include "kvm/launch/program_page.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

namespace gmem::kvm::launch {
namespace {

constexpr std::size_t most_bytes { uapi::most_cpuid_entries * sizeof(uapi::CpuidEntry2) };

} // namespace

// What the real KVM took is what we keep, unless the program changes it meanwhile: nobody can say then which of the two it meant.
long CpuidTable::set(int fd, std::uintptr_t argument) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const result { os::system_call(SYS_ioctl, fd, uapi::set_cpuid2, argument) };
    return result != 0 ? result : keep(argument);
}

long CpuidTable::keep(std::uintptr_t argument) noexcept
{
    uapi::Cpuid2 header;
    if (!take(&header, argument, sizeof header))
        return -EFAULT;
    if (header.nent > uapi::most_cpuid_entries)
        return -E2BIG;
    if (memory_ == 0) {
        auto mapped { os::map_anonymous(most_bytes, MAP_PRIVATE) };
        if (!mapped)
            return -ENOMEM;
        memory_ = std::move(mapped).take();
    }
    count_ = 0;
    if (header.nent != 0 && !take(reinterpret_cast<void *>(memory_), argument + sizeof header, header.nent * sizeof(uapi::CpuidEntry2)))
        return -EFAULT;
    count_ = header.nent;
    return 0;
}

std::optional<long> CpuidTable::get(std::uintptr_t argument) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (memory_ == 0)
        return std::nullopt;
    uapi::Cpuid2 header;
    if (!take(&header, argument, sizeof header))
        return -EFAULT;
    bool const fits { header.nent >= count_ };
    header.nent = count_;
    if (fits && count_ != 0 && !give(argument + sizeof header, reinterpret_cast<void const *>(memory_), count_ * sizeof(uapi::CpuidEntry2)))
        return -EFAULT;
    if (!give(argument, &header, sizeof header))
        return -EFAULT;
    return fits ? 0 : -E2BIG;
}

void CpuidTable::clear() noexcept
{
    os::Locked guard { lock_ };
    if (memory_ != 0)
        os::unmap({ memory_, memory_ + most_bytes });
    memory_ = 0;
    count_ = 0;
}

} // namespace gmem::kvm::launch
