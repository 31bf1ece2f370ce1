#pragma once
// The launch of one guest, as the firmware keeps it in the guest context: SNP_LAUNCH_START, SNP_ACTIVATE, SNP_LAUNCH_UPDATE and
// SNP_LAUNCH_FINISH. platform-models.md 1.5.
//
// Invariants:
//   L1  init -> launch -> running, and to none from any of them (decommission). Nothing leads back.
//   L2  the digest changes only with a LAUNCH_UPDATE that answers SUCCESS, and starts as 48 zero bytes.
//   L3  a LAUNCH_UPDATE that answers anything else leaves the page's entry as it was; its bytes too, unless it is a CPUID page whose
//       table was corrected.
// One VM's, in the process that launches it; whoever calls holds the VM's lock, and the file's where Pages are passed.

#include "platform/measure/snp_digest.hpp"
#include "platform/snp/id_block.hpp"
#include "platform/snp/rmp.hpp"
#include "platform/snp/secrets_page.hpp"

namespace gmem::platform::snp {

// NORMAL 1, VMSA 2, ZERO 3, UNMEASURED 4, SECRETS 5, CPUID 6.
using PageType = measure::SnpPage;
inline constexpr std::array all_page_types { PageType::normal, PageType::vmsa, PageType::zero, PageType::unmeasured, PageType::secrets, PageType::cpuid };

enum class GuestState : std::uint8_t {
    none,    // the context page is not one (any more): INVALID_GUEST to everything
    init,    // SNP_GCTX_CREATE was there
    launch,
    running,
};

// Bits of the policy that a launch looks at (SNP firmware ABI, "Guest policy").
namespace policy_bit {
inline constexpr std::uint64_t abi_minor { 0xff }, abi_major { 0xff00 };
inline constexpr std::uint64_t smt { 1u << 16 };
inline constexpr std::uint64_t reserved_one { 1u << 17 }; // must be set
inline constexpr std::uint64_t debug { 1u << 19 };
inline constexpr std::uint64_t known { (std::uint64_t { 1 } << 26) - 1 };
}
inline constexpr std::uint64_t firmware_abi { 0x0137 }; // 1.55: no policy may ask for a newer one

struct LaunchStart final {
    std::uint64_t policy { policy_bit::reserved_one | policy_bit::smt };
    bool imi_en { false }; // this is an initial migration image
    std::array<std::byte, 16> gosvw {};
};

struct LaunchUpdate final {
    PageNo page;
    PageType type { PageType::normal }; // any number may be cast to it: a type that does not exist is refused
    PageSize size { PageSize::small };
    bool imi_page { false };
    std::uint8_t vmpl1_permissions { 0 }, vmpl2_permissions { 0 }, vmpl3_permissions { 0 };
    std::uint64_t reserved { 0 };
};

struct LaunchFinish final {
    IdBlock const *id_block { nullptr }; // nullptr: without
    IdAuthentication const *id_authentication { nullptr }; // with an ID block: never nullptr
    bool author_key { false };
    bool vcek_disabled { false };
    std::array<std::byte, 32> host_data {};
};

class Launch final {
public:
    GuestState state() const noexcept { return state_; }
    std::uint64_t policy() const noexcept { return policy_; }
    std::uint16_t asid() const noexcept { return asid_; } // 0: not activated
    LaunchDigest digest() const noexcept;
    std::array<std::byte, 32> const &host_data() const noexcept { return host_data_; }
    SecretsPage const &secrets() const noexcept { return secrets_; }

    // `seed`: where the guest's keys come from, VmState::key for one. POLICY_FAILURE: a newer ABI than ours is asked for, or bit 17 is not set;
    // INVALID_PARAM: a bit that does not exist; INVALID_GUEST_STATE: started already; RESOURCE_LIMIT.
    Firmware start(LaunchStart const &, std::byte const (&seed)[64]) noexcept;

    // Binds an ASID. INVALID_GUEST_STATE before start(), INVALID_ASID, ACTIVE: there is one already.
    Firmware activate(std::uint16_t asid) noexcept;

    // Checks in the firmware's order: update_checks in launch_update.cpp.
    Firmware update(Pages const &, LaunchUpdate const &) noexcept;

    // Checks in the firmware's order: state, digest (BAD_MEASUREMENT), policy (POLICY_FAILURE), signatures (BAD_SIGNATURE).
    Firmware finish(LaunchFinish const &) noexcept;

    // The guest is no more.
    void decommission() noexcept { *this = Launch { GuestState::none }; }

    // The firmware was shut down (SNP_SHUTDOWN), or not yet initialised: INVALID_PLATFORM_STATE.
    void set_platform_initialised(bool yes) noexcept { platform_initialised_ = yes; }

    Launch() noexcept = default;

private:
    explicit Launch(GuestState s) noexcept : state_ { s } {}

    // What update()'s table of checks looks at.
    struct Question;
    static bool reserved_is_set(Question const &) noexcept;
    static bool unknown_type(Question const &) noexcept;
    struct Check;
    static Check const update_checks[];

    std::optional<measure::SnpDigest> measured(Rmp const &, PageRange, LaunchUpdate const &) const noexcept;

    GuestState state_ { GuestState::init };
    bool platform_initialised_ { true };
    bool imi_en_ { false };
    std::uint16_t asid_ { 0 };
    std::uint64_t policy_ { 0 };
    std::optional<measure::SnpDigest> digest_ {}; // from start() on
    std::array<std::byte, 32> host_data_ {};
    SecretsPage secrets_ {};
};

} // namespace gmem::platform::snp
