#pragma once
// The launch digest of SEV-SNP: a chain of SHA-384 over one PAGE_INFO structure a page, in the order of SNP_LAUNCH_UPDATE. SNP firmware ABI,
// SNP_LAUNCH_UPDATE and its PAGE_INFO; platform-models.md 1.5.

#include "platform/measure/measurement.hpp"

namespace gmem::platform::measure {

// PAGE_TYPE of SNP_LAUNCH_UPDATE.
enum class SnpPage : std::uint8_t { normal = 1, vmsa = 2, zero = 3, unmeasured = 4, secrets = 5, cpuid = 6 };

// Only these two put the page's bytes into the digest.
constexpr bool contents_count(SnpPage p) noexcept { return p == SnpPage::normal || p == SnpPage::vmsa; }

// What a lower privilege level may do with the page: the firmware's mask bits.
struct SnpPermissions final {
    std::uint8_t vmpl1 { 0 }, vmpl2 { 0 }, vmpl3 { 0 };
};

// Does the page belong to an initial migration image? Then its IMI_PAGE is 1.
enum class SnpImage : std::uint8_t { guests, migration };

// How the TSC fields of a VMSA are read. The firmware reads them as zeros; public calculators take the page as it is, which is the same as long as
// nobody sets them.
enum class SnpVmsaTsc : std::uint8_t { as_given, zeros };

// Not for two threads at once. Plain data: a copy is a fork of the chain.
class SnpDigest final {
public:
    static constexpr std::uint64_t usual_vmsa_gpa { 0xFFFFFFFFF000 };

    // Begins with zeros, as SNP_LAUNCH_START does. `table` outlives it.
    explicit SnpDigest(crypto::Primitives const &table, SnpVmsaTsc tsc = SnpVmsaTsc::as_given) noexcept : table_ { &table }, tsc_ { tsc } {}

    // One page of 4 KiB at `gpa` (a multiple of 4096). A page of 2 MiB is its 512 pages one after the other. `page` is read where contents_count(type),
    // and may be null elsewhere. False: no memory, and the chain is as before.
    [[nodiscard]] bool add(SnpPage type, std::uint64_t gpa, std::byte const *page, SnpPermissions = {}, SnpImage = SnpImage::guests) noexcept;

    Measurement value() const noexcept { return chain_; }

private:
    [[nodiscard]] bool hash_contents(SnpPage, std::byte const *page, std::byte *out) const noexcept;

    crypto::Primitives const *table_;
    SnpVmsaTsc tsc_;
    Measurement chain_ { .size = 48 };
};

} // namespace gmem::platform::measure
