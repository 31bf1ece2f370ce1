#pragma once
// KVM_SET_GUEST_DEBUG: the processor's four breakpoints, set by the VMM instead of the guest (x86-64).

#include "kvm/uapi.hpp"

namespace gmem::kvm {

struct GuestDebug final {
    static constexpr std::uint32_t enable { 1 }, single_step { 2 }, hardware_breakpoints { 0x20000 };

    std::uint32_t control, padding;
    std::uint64_t registers[8]; // DR0 to DR7
};
static_assert(sizeof(GuestDebug) == 72);

namespace uapi {
inline constexpr unsigned long set_guest_debug { iow(0x9b, sizeof(GuestDebug)) };
static_assert(set_guest_debug == 0x4048AE9B);
} // namespace uapi

} // namespace gmem::kvm
