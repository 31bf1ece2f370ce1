#pragma once
// The firmware's answers, with AMD's numbers (SEV API, "Status codes"; also what KVM puts into sev_cmd.error). Only those that the
// modelled commands give.

#include <cstdint>

namespace gmem::platform::snp {

enum class Firmware : std::uint32_t {
    success = 0x00,
    invalid_platform_state = 0x01,
    invalid_guest_state = 0x02,
    policy_failure = 0x07,
    inactive = 0x08,
    invalid_address = 0x09,
    bad_signature = 0x0a,
    bad_measurement = 0x0b,
    invalid_asid = 0x0d,
    invalid_guest = 0x10,
    active = 0x12,
    invalid_param = 0x16,
    resource_limit = 0x17, // of ours: the hash had no memory
    invalid_page_size = 0x19,
    invalid_page_state = 0x1a,
    invalid_page_owner = 0x1c,
};

// As the manual writes it.
constexpr char const *name_of(Firmware f) noexcept
{
    switch (f) {
    case Firmware::success:                return "SUCCESS";
    case Firmware::invalid_platform_state: return "INVALID_PLATFORM_STATE";
    case Firmware::invalid_guest_state:    return "INVALID_GUEST_STATE";
    case Firmware::policy_failure:         return "POLICY_FAILURE";
    case Firmware::inactive:               return "INACTIVE";
    case Firmware::invalid_address:        return "INVALID_ADDRESS";
    case Firmware::bad_signature:          return "BAD_SIGNATURE";
    case Firmware::bad_measurement:        return "BAD_MEASUREMENT";
    case Firmware::invalid_asid:           return "INVALID_ASID";
    case Firmware::invalid_guest:          return "INVALID_GUEST";
    case Firmware::active:                 return "ACTIVE";
    case Firmware::invalid_param:          return "INVALID_PARAM";
    case Firmware::resource_limit:         return "RESOURCE_LIMIT";
    case Firmware::invalid_page_size:      return "INVALID_PAGE_SIZE";
    case Firmware::invalid_page_state:     return "INVALID_PAGE_STATE";
    case Firmware::invalid_page_owner:     return "INVALID_PAGE_OWNER";
    }
    __builtin_unreachable();
}

} // namespace gmem::platform::snp
