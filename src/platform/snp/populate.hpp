#pragma once
// What KVM does with each page of KVM_SEV_SNP_LAUNCH_UPDATE: sev_gmem_post_populate(). platform-models.md 1.6, guest_memfd specification 5.2.
// A VMSA, which KVM itself adds in LAUNCH_FINISH, goes the same way: a page of the kernel's in Pages of its own, at vmsa_frame.

#include "attributes/attribute.hpp"
#include "platform/snp/launch.hpp"

namespace gmem::platform::snp {

inline constexpr std::uint64_t vmsa_frame { 0xfffffffff };

struct Populate final {
    PageNo page;
    std::uint64_t frame;
    PageType type { PageType::normal };
    // What the file says of the page: only a private page is populated.
    Attribute attribute { Attribute::private_ };
    // A page that is copied in, and to which a corrected CPUID table is copied back; nullptr: in place.
    std::byte *source { nullptr };
};

struct Populated final {
    int error { 0 };                         // 0, or what the callback answers: EINVAL, EEXIST, EIO
    Firmware firmware { Firmware::success }; // sev_cmd.error

    friend constexpr bool operator==(Populated, Populated) = default;
};

// EINVAL: not private, no such page, or RMPUPDATE refuses (KVM: -EINVAL); EEXIST: the page is assigned already; EIO: the firmware
// refuses, `firmware` says why, and the page is the host's again with the bytes that the firmware left: the given ones, or the
// corrected CPUID table.
Populated populate(Pages const &, Launch &, Populate const &) noexcept;

} // namespace gmem::platform::snp
