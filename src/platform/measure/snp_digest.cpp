#include "platform/measure/snp_digest.hpp"

#include <cstring>

namespace gmem::platform::measure {
namespace {

constexpr std::size_t hash_bytes { 48 };

// PAGE_INFO, platform-models.md 1.5: what is at which byte.
enum PageInfo : std::size_t {
    digest_at = 0,
    contents_at = 0x30,
    length_at = 0x60,
    type_at = 0x62,
    imi_page_at = 0x63, // the next one is reserved
    vmpl1_at = 0x65,
    vmpl2_at = 0x66,
    vmpl3_at = 0x67,
    gpa_at = 0x68,
    page_info_bytes = 0x70,
};

// assumption: GUEST_TSC_SCALE and GUEST_TSC_OFFSET lie here in the VMSA (AMD APM volume 2, appendix B, from memory).
constexpr std::size_t vmsa_tsc_at { 0x2F0 }, vmsa_tsc_bytes { 16 };

} // namespace

bool SnpDigest::hash_contents(SnpPage type, std::byte const *page, std::byte *out) const noexcept
{
    if (type != SnpPage::vmsa || tsc_ == SnpVmsaTsc::as_given)
        return table_->hash(crypto::Hash::sha384, page, page_size, out);
    std::byte copy[page_size];
    std::memcpy(copy, page, sizeof copy);
    std::memset(copy + vmsa_tsc_at, 0, vmsa_tsc_bytes);
    return table_->hash(crypto::Hash::sha384, copy, sizeof copy, out);
}

bool SnpDigest::add(SnpPage type, std::uint64_t gpa, std::byte const *page, SnpPermissions permissions, SnpImage image) noexcept
{
    std::byte info[page_info_bytes] {};
    std::memcpy(info + digest_at, chain_.bytes, hash_bytes);
    if (contents_count(type) && !hash_contents(type, page, info + contents_at))
        return false;
    store(info + length_at, page_info_bytes, 2);
    store(info + type_at, static_cast<std::uint8_t>(type), 1);
    store(info + imi_page_at, image == SnpImage::migration, 1);
    store(info + vmpl1_at, permissions.vmpl1, 1);
    store(info + vmpl2_at, permissions.vmpl2, 1);
    store(info + vmpl3_at, permissions.vmpl3, 1);
    store(info + gpa_at, gpa, 8);
    return table_->hash(crypto::Hash::sha384, info, sizeof info, chain_.bytes);
}

} // namespace gmem::platform::measure
