#pragma once
// KVM_X86_SW_PROTECTED_VM: the platform without hardware. Nothing is refused and no byte changes in either direction
// (guest_memfd specification 2.6, row SW_PROTECTED_VM).

#include "platform/platform.hpp"

namespace gmem::platform {

struct SwProtected final {
    static constexpr char const *name { "sw_protected" };

    Status veto(PageRange, Attribute) const noexcept { return Ok {}; }
    void make_shared(PageRange) const noexcept {}
};
static_assert(Platform<SwProtected>);

} // namespace gmem::platform
