#pragma once
// The realm initial measurement of Arm CCA: a chain of hashes over one descriptor of 256 bytes an event. Arm RMM specification 1.0, "Realm Initial
// Measurement"; platform-models.md 4.4.

#include "platform/measure/measurement.hpp"

namespace gmem::platform::measure {

// RmiRealmParams, the fields that are measured, as the host gives them to RMI_REALM_CREATE. The hash algorithm is measured as well.
struct CcaRealm final {
    std::uint64_t flags { 0 };
    std::uint8_t s2sz { 0 };         // bits of the realm's address space
    std::uint8_t sve_vl { 0 };       // encoded vector length
    std::uint8_t num_bps { 0 };      // breakpoints
    std::uint8_t num_wps { 0 };      // watchpoints
    std::uint8_t pmu_num_ctrs { 0 }; // counters
};

// RmiRecParams, the fields that are measured.
struct CcaRec final {
    static constexpr std::uint64_t runnable { 1 }; // in `flags`

    std::uint64_t flags { runnable };
    std::uint64_t pc { 0 };
    std::uint64_t gprs[8] {};
};

// Not for two threads at once. Plain data: a copy is a fork of the chain. Every call answers false when there is no memory; the chain is then as before.
class CcaDigest final {
public:
    // Begins with zeros, which no realm does: begin() is the first call, but for tests. sha256 or sha512. `table` outlives it.
    CcaDigest(crypto::Primitives const &table, crypto::Hash hash) noexcept : table_ { &table }, hash_ { hash }, chain_ { .size = crypto::size_of(hash) } {}

    // RMI_REALM_CREATE.
    [[nodiscard]] bool begin(CcaRealm const &) noexcept;

    // RMI_DATA_CREATE of one page at `ipa` (a multiple of 4096): with RMI_MEASURE_CONTENT, and without, when only the place counts.
    [[nodiscard]] bool add(std::uint64_t ipa, std::byte const *page) noexcept;
    [[nodiscard]] bool add_unmeasured(std::uint64_t ipa) noexcept;

    // RMI_RTT_INIT_RIPAS of [base, top).
    [[nodiscard]] bool init_ripas(std::uint64_t base, std::uint64_t top) noexcept;

    // RMI_REC_CREATE. The RMM measures runnable RECs only: others leave the chain alone.
    [[nodiscard]] bool add_rec(CcaRec const &) noexcept;

    Measurement value() const noexcept { return chain_; }

private:
    static constexpr std::size_t descriptor_bytes { 0x100 };
    using Descriptor = std::byte[descriptor_bytes];

    // Type, length and the chain so far: how every descriptor begins.
    void head(Descriptor &, std::uint8_t type) const noexcept;
    [[nodiscard]] bool extend(Descriptor const &d) noexcept { return table_->hash(hash_, d, sizeof d, chain_.bytes); }

    crypto::Primitives const *table_;
    crypto::Hash hash_;
    Measurement chain_;
};

} // namespace gmem::platform::measure
