#include "kvm/capabilities.hpp"

#include <array>

namespace gmem::kvm {
namespace {

// One row a capability: its value on each kind of descriptor. `adds` keeps the bits of the real KVM.
struct Row final {
    unsigned long which;
    long system, vm_private, vm_other;
    bool adds;
};

constexpr long type_bits { 1 << uapi::default_vm | 1 << uapi::sw_protected_vm };
constexpr long in_place { static_cast<long>(uapi::memory_attribute_private) };
constexpr long both_flags { uapi::guest_memfd_flag_mmap | uapi::guest_memfd_flag_init_shared };

constexpr std::array rows {
    //    capability                                 system      VM+private  other VM    adds
    Row { uapi::cap_user_memory2,                    1,          1,          1,          false },
    Row { uapi::cap_memory_fault_info,               1,          1,          1,          false },
    Row { uapi::cap_memory_attributes,               0,          0,          0,          false },
    Row { uapi::cap_guest_memfd,                     1,          1,          1,          false },
    Row { uapi::cap_vm_types,                        type_bits,  type_bits,  type_bits,  true },
    Row { uapi::cap_pre_fault_memory,                1,          1,          1,          false },
    Row { uapi::cap_guest_memfd_flags,               both_flags, both_flags, both_flags, false },
    Row { uapi::cap_guest_memfd_memory_attributes,   in_place,   in_place,   0,          false },
};

} // namespace

std::optional<long> capability(unsigned long which, AskedOn where, long real) noexcept
{
    for (auto const &row : rows) {
        if (row.which != which)
            continue;
        auto const ours { where == AskedOn::system ? row.system : where == AskedOn::vm_with_private_memory ? row.vm_private : row.vm_other };
        return row.adds && real > 0 ? ours | real : ours;
    }
    return std::nullopt;
}

long capability_without_kvm(unsigned long which) noexcept
{
    switch (which) {
    case uapi::cap_user_memory: return 1;
    case uapi::cap_nr_memslots: return uapi::user_memslots;
    default:                    return 0;
    }
}

} // namespace gmem::kvm
