#include "platform/measure/cca_digest.hpp"

#include <cstring>

namespace gmem::platform::measure {
namespace {

// Descriptors, platform-models.md 4.4.
enum Type : std::uint8_t { type_data = 0, type_rec = 1, type_ripas = 2 };
enum At : std::size_t {
    type_at = 0,
    length_at = 8,
    chain_at = 0x10,
    data_ipa_at = 0x50,
    data_flags_at = 0x58,
    data_contents_at = 0x60,
    rec_contents_at = 0x50,
    ripas_base_at = 0x50,
    ripas_top_at = 0x58,
};
constexpr std::uint64_t measure_content { 1 };

// assumption: where the measured fields lie in RmiRealmParams and RmiRecParams (RMM specification 1.0, from memory). Both are 4 KiB.
enum RealmAt : std::size_t { flags_at = 0, s2sz_at = 0x8, sve_vl_at = 0x10, num_bps_at = 0x18, num_wps_at = 0x20, pmu_num_ctrs_at = 0x28, hash_algo_at = 0x30 };
enum RecAt : std::size_t { rec_flags_at = 0, rec_pc_at = 0x200, rec_gprs_at = 0x300 };
constexpr std::uint8_t algorithm_of(crypto::Hash h) noexcept { return h == crypto::Hash::sha512 ? 1 : 0; } // RmiHashAlgorithm

} // namespace

void CcaDigest::head(Descriptor &d, std::uint8_t type) const noexcept
{
    store(d + type_at, type, 1);
    store(d + length_at, descriptor_bytes, 8);
    std::memcpy(d + chain_at, chain_.bytes, chain_.size);
}

bool CcaDigest::begin(CcaRealm const &r) noexcept
{
    std::byte parameters[page_size] {};
    store(parameters + flags_at, r.flags, 8);
    store(parameters + s2sz_at, r.s2sz, 1);
    store(parameters + sve_vl_at, r.sve_vl, 1);
    store(parameters + num_bps_at, r.num_bps, 1);
    store(parameters + num_wps_at, r.num_wps, 1);
    store(parameters + pmu_num_ctrs_at, r.pmu_num_ctrs, 1);
    store(parameters + hash_algo_at, algorithm_of(hash_), 1);
    return table_->hash(hash_, parameters, sizeof parameters, chain_.bytes);
}

bool CcaDigest::add(std::uint64_t ipa, std::byte const *page) noexcept
{
    Descriptor d {};
    head(d, type_data);
    store(d + data_ipa_at, ipa, 8);
    store(d + data_flags_at, measure_content, 8);
    return table_->hash(hash_, page, page_size, d + data_contents_at) && extend(d);
}

bool CcaDigest::add_unmeasured(std::uint64_t ipa) noexcept
{
    Descriptor d {};
    head(d, type_data);
    store(d + data_ipa_at, ipa, 8);
    return extend(d);
}

bool CcaDigest::init_ripas(std::uint64_t base, std::uint64_t top) noexcept
{
    Descriptor d {};
    head(d, type_ripas);
    store(d + ripas_base_at, base, 8);
    store(d + ripas_top_at, top, 8);
    return extend(d);
}

bool CcaDigest::add_rec(CcaRec const &r) noexcept
{
    if (!(r.flags & CcaRec::runnable))
        return true;
    std::byte parameters[page_size] {};
    store(parameters + rec_flags_at, r.flags, 8);
    store(parameters + rec_pc_at, r.pc, 8);
    for (std::size_t i { 0 }; i < 8; ++i)
        store(parameters + rec_gprs_at + 8 * i, r.gprs[i], 8);
    Descriptor d {};
    head(d, type_rec);
    return table_->hash(hash_, parameters, sizeof parameters, d + rec_contents_at) && extend(d);
}

} // namespace gmem::platform::measure
