#include "kvm/launch/snp_gate.hpp"

#include "kvm/launch/snp.hpp"

#include <algorithm>
#include <iterator>

namespace gmem::kvm::launch {
namespace {

using platform::snp::PageType;
namespace policy_bit = platform::snp::policy_bit;

constexpr std::uint16_t newest_ghcb { 2 };

// What a VMM may ask for; VMSA is KVM's own (guest_memfd specification 5.2).
constexpr PageType types[] { PageType::normal, PageType::zero, PageType::unmeasured, PageType::secrets, PageType::cpuid };

Error invalid(char const *site) noexcept { return Error::of(Why::bad_argument, site); }

} // namespace

Result<SnpInit> parse_init2(uapi::SevInit2 const &q) noexcept
{
    if (q.flags != 0)
        return invalid("sev_init2.flags");
    if (q.vmsa_features & ~Snp::vmsa_features)
        return invalid("sev_init2.vmsa_features");
    if (q.ghcb_version > newest_ghcb)
        return invalid("sev_init2.ghcb_version");
    return SnpInit { q.vmsa_features | sev_feature::snp_active };
}

Result<platform::snp::LaunchStart> parse_start(uapi::SnpLaunchStart const &q) noexcept
{
    if (q.flags != 0)
        return invalid("snp_start.flags");
    if (q.policy & ~Snp::policy_bits)
        return invalid("snp_start.policy");
    if (!(q.policy & policy_bit::reserved_one))
        return invalid("snp_start.policy_reserved_one");
    platform::snp::LaunchStart start { .policy = q.policy };
    std::copy(std::begin(q.gosvw), std::end(q.gosvw), start.gosvw.begin());
    return start;
}

Result<SnpUpdate> parse_update(uapi::SnpLaunchUpdate const &q) noexcept
{
    auto const type { static_cast<PageType>(q.type) };
    if (q.len == 0 || q.len % page_size != 0)
        return invalid("snp_update.len");
    if (q.flags != 0)
        return invalid("snp_update.flags");
    if (std::ranges::find(types, type) == std::end(types))
        return invalid("snp_update.type");
    return SnpUpdate { q.gfn_start, q.len >> page_bits, type == PageType::zero ? 0 : q.uaddr, type };
}

} // namespace gmem::kvm::launch
