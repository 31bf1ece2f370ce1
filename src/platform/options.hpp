#pragma once
// What the sources leave open is a choice with a documented default: docs/platforms.md. platform-models.md 2.2, 3.2, 3.3, 4.1.

#include <cstdint>

namespace gmem::platform {

// What the host reads of a page that a TD owned, after TDH.MEM.PAGE.REMOVE.
enum class TdxRemoved : std::uint8_t { zeros, noise, poison };

// What a host access to a protected guest's page does on pKVM: poison and zero it for the guest (upstream), or bring the host down.
enum class PkvmBadAccess : std::uint8_t { force_reclaim, panic };

// A conversion that no guest asked for, on pKVM: not looked for (June 2026), refused, or done with the page wiped (February 2026).
enum class PkvmUnsolicited : std::uint8_t { allowed, refused, destructive };

// When EL2 gives a shared page back to the guest that asked with MEM_UNSHARE: at the hypercall, before the VMM hears of it (23 June 2026), or when the
// VMM has converted it (March 2026): a host that zeroes while it converts can do that only then.
enum class PkvmUnshare : std::uint8_t { at_hypercall, after_conversion };

// What a granule holds after RMI_GRANULE_UNDELEGATE: zeros, or with memory encryption contexts whatever it is, never the old bytes.
enum class CcaWiped : std::uint8_t { zeros, noise };

// A guest that touches a page that it has not accepted: #VE for the guest to handle, or (ATTRIBUTES.SEPT_VE_DISABLE) an exit that ends the TD.
enum class TdxPending : std::uint8_t { guest_exception, exit };

// A processor where a partial write of the host poisons a line that a TD owns: KVM then wipes what it takes from a TD, and only then.
enum class TdxCpu : std::uint8_t { sound, partial_write_erratum };

struct Options final {
    TdxRemoved tdx_removed { TdxRemoved::zeros };
    TdxPending tdx_pending { TdxPending::exit };
    TdxCpu tdx_cpu { TdxCpu::sound };
    PkvmBadAccess pkvm_bad_access { PkvmBadAccess::force_reclaim };
    PkvmUnsolicited pkvm_unsolicited { PkvmUnsolicited::allowed };
    PkvmUnshare pkvm_unshare { PkvmUnshare::at_hypercall };
    CcaWiped cca_wiped { CcaWiped::zeros };

    friend constexpr bool operator==(Options, Options) = default;
};

} // namespace gmem::platform
