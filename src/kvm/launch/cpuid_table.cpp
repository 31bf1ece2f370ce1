#include "kvm/launch/cpuid_table.hpp"

#include "kvm/launch/program_page.hpp"
#include "kvm/launch/td_entry.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

#include <cstring>

namespace gmem::kvm::launch {

// The program's entries, those that the real KVM has not taken yet, and a kvm_cpuid2 for the real KVM with room for what a TD's CPUID has besides.
struct CpuidTable::Memory final {
    uapi::CpuidEntry2 kept[uapi::most_cpuid_entries], candidate[uapi::most_cpuid_entries];
    uapi::Cpuid2 header;
    uapi::CpuidEntry2 entries[uapi::most_cpuid_entries + 1];
};

long CpuidTable::set(int fd, std::uintptr_t argument, Of whose) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    uapi::Cpuid2 header;
    if (!take(&header, argument, sizeof header))
        return -EFAULT;
    if (header.nent > uapi::most_cpuid_entries)
        return -E2BIG;
    if (!memory_) {
        auto mapped { os::map_anonymous(sizeof(Memory), MAP_PRIVATE) };
        if (!mapped)
            return -ENOMEM;
        memory_ = reinterpret_cast<Memory *>(std::move(mapped).take());
    }
    auto &m { *memory_ };
    if (header.nent != 0 && !take(m.entries, argument + sizeof header, header.nent * sizeof *m.entries))
        return -EFAULT;
    m.header = header;
    // The copy is what counts: the program may change its own meanwhile.
    std::memcpy(m.candidate, m.entries, header.nent * sizeof *m.entries);
    if (whose == Of::td)
        m.header.nent = add_td_leaves(m.entries, header.nent);
    auto const result { os::system_call(SYS_ioctl, fd, uapi::set_cpuid2, &m.header) };
    if (result == 0) {
        std::memcpy(m.kept, m.candidate, header.nent * sizeof *m.candidate);
        count_ = header.nent;
        is_set_ = true;
    }
    return result;
}

std::optional<long> CpuidTable::get(std::uintptr_t argument) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (!is_set_)
        return std::nullopt;
    uapi::Cpuid2 header;
    if (!take(&header, argument, sizeof header))
        return -EFAULT;
    bool const fits { header.nent >= count_ };
    header.nent = count_;
    if (fits && count_ != 0 && !give(argument + sizeof header, memory_->kept, count_ * sizeof *memory_->kept))
        return -EFAULT;
    if (!give(argument, &header, sizeof header))
        return -EFAULT;
    return fits ? 0 : -E2BIG;
}

void CpuidTable::clear() noexcept
{
    os::Locked guard { lock_ };
    if (memory_) {
        auto const begin { reinterpret_cast<std::uintptr_t>(memory_) };
        os::unmap({ begin, begin + sizeof(Memory) });
    }
    memory_ = nullptr;
    count_ = 0;
    is_set_ = false;
}

} // namespace gmem::kvm::launch
