#pragma once
// The bytes of SNP's launch commands, judged once. EINVAL for every field that is not as it must be.

#include "base/result.hpp"
#include "kvm/launch/sev_uapi.hpp"
#include "platform/snp/launch.hpp"

namespace gmem::kvm::launch {

// KVM_SEV_INIT2: what goes into the VMSAs.
struct SnpInit final {
    std::uint64_t sev_features;
};
Result<SnpInit> parse_init2(uapi::SevInit2 const &) noexcept;

Result<platform::snp::LaunchStart> parse_start(uapi::SnpLaunchStart const &) noexcept;

struct SnpUpdate final {
    std::uint64_t frame, pages;
    std::uintptr_t source; // 0: none, or not looked at (ZERO)
    platform::snp::PageType type;
};
Result<SnpUpdate> parse_update(uapi::SnpLaunchUpdate const &) noexcept;

} // namespace gmem::kvm::launch
