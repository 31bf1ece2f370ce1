#include "kvm/capabilities.hpp"

#include "kvm/hypercall.hpp"
#include "kvm/scripted/choice.hpp"

#include <array>

namespace gmem::kvm {
namespace {

// One row a capability, or one for each tracker that it depends on: its value on each kind of descriptor. `adds` keeps the bits of the
// real KVM.
struct Row final {
    unsigned long which;
    std::optional<Tracker> tracker; // nullopt: whoever tracks
    long system, vm_private, vm_other;
    bool adds;
    std::optional<platform::Numbering> numbering {}; // nullopt: in every version
};

constexpr long type_bits { 1 << uapi::default_vm | 1 << uapi::sw_protected_vm | 1 << uapi::snp_vm | 1 << uapi::tdx_vm };
constexpr long attributes { static_cast<long>(uapi::memory_attribute_private) };
constexpr long mmap_flag { uapi::guest_memfd_flag_mmap };
constexpr long both_flags { uapi::guest_memfd_flag_mmap | uapi::guest_memfd_flag_init_shared };
constexpr std::nullopt_t any { std::nullopt };
constexpr long announced { -1 }; // stands for the profile's modes
constexpr auto merged { platform::Numbering::merged };
constexpr auto rfc { platform::Numbering::rfc };

constexpr std::array rows {
    //    capability                                 tracker         system      VM+private  other VM    adds
    // First, for the user may give it another's number: Profile::capability.
    Row { uapi::cap_guest_memfd_memory_attributes,   Tracker::files, attributes, attributes, 0,          false, merged },
    Row { uapi::cap_guest_memfd_memory_attributes,   any,            0,          0,          0,          false, merged },
    Row { uapi::cap_user_memory2,                    any,            1,          1,          1,          false },
    Row { uapi::cap_memory_fault_info,               any,            1,          1,          1,          false },
    Row { uapi::cap_memory_attributes,               Tracker::vms,   attributes, attributes, 0,          false },
    Row { uapi::cap_memory_attributes,               any,            0,          0,          0,          false },
    Row { uapi::cap_guest_memfd,                     any,            1,          1,          1,          false },
    Row { uapi::cap_vm_types,                        any,            type_bits,  type_bits,  type_bits,  true },
    Row { uapi::cap_pre_fault_memory,                any,            1,          1,          1,          false },
    Row { uapi::cap_guest_memfd_flags,               Tracker::files, both_flags, both_flags, both_flags, false },
    Row { uapi::cap_guest_memfd_flags,               any,            both_flags, mmap_flag,  both_flags, false },
    // Assumptions: 248 has the values of 249; 250 is the same on every platform.
    Row { uapi::rfc::cap_memory_attributes2,         Tracker::files, attributes, attributes, 0,          false, rfc },
    Row { uapi::rfc::cap_memory_attributes2,         any,            0,          0,          0,          false, rfc },
    Row { uapi::rfc::cap_gmem_memory_attributes,     Tracker::files, attributes, attributes, 0,          false, rfc },
    Row { uapi::rfc::cap_gmem_memory_attributes,     any,            0,          0,          0,          false, rfc },
    Row { uapi::rfc::cap_memory_attributes2_flags,   Tracker::files, announced,  announced,  0,          false, rfc },
    Row { uapi::rfc::cap_memory_attributes2_flags,   any,            0,          0,          0,          false, rfc },
};

} // namespace

std::optional<long> capability(unsigned long which, AskedOn where, Tracker tracker, platform::Profile const &profile, long real) noexcept
{
    for (auto const &row : rows) {
        auto const number { row.numbering == merged ? profile.capability : row.which };
        if (number != which || (row.tracker && *row.tracker != tracker) || (row.numbering && *row.numbering != profile.capabilities))
            continue;
        auto const ours { where == AskedOn::system ? row.system : where == AskedOn::vm_with_private_memory ? row.vm_private : row.vm_other };
        if (ours == announced)
            return static_cast<long>(profile.announced_modes);
        return row.adds && real > 0 ? ours | real : ours;
    }
    return std::nullopt;
}

long capability_without_kvm(unsigned long which) noexcept
{
    switch (which) {
    case uapi::cap_user_memory:
    case uapi::cap_sys_attributes: return 1;
    case uapi::cap_nr_memslots: return uapi::user_memslots;
    default:                    return 0;
    }
}

std::optional<long> capability_of_scripts(unsigned long which) noexcept
{
    switch (which) {
    case uapi::cap_nr_vcpus:
    case uapi::cap_max_vcpus:
    case uapi::cap_max_vcpu_id:    return scripted::most_in_vm;
    case uapi::cap_immediate_exit: return 1;
    case uapi::cap_exit_hypercall: return exit_on_map_gpa_range;
    default:                       return std::nullopt;
    }
}

} // namespace gmem::kvm
