#pragma once
// MRTD, the measurement of a TD before it runs: one SHA-384 that TDH.MEM.PAGE.ADD and TDH.MR.EXTEND feed. Intel TDX module ABI, these two calls
// and TDH.MR.FINALIZE; platform-models.md 2.5.

#include "platform/measure/measurement.hpp"

#include <string_view>

namespace gmem::platform::measure {

// Owns a running digest of the table's. Not for two threads at once.
class TdxDigest final {
public:
    static constexpr std::size_t chunk_bytes { 256 }; // of one TDH.MR.EXTEND

    // `table` outlives it.
    explicit TdxDigest(crypto::Primitives const &table) noexcept : table_ { table }, digest_ { table.make_digest(crypto::Hash::sha384) } {}
    ~TdxDigest() { table_.free_digest(digest_); }
    TdxDigest(TdxDigest const &) = delete;
    TdxDigest &operator=(TdxDigest const &) = delete;

    // False: there was no memory for it, and none of the others may be called.
    explicit operator bool() const noexcept { return digest_ != nullptr; }

    // TDH.MEM.PAGE.ADD of the page at `gpa` (a multiple of 4096): its place counts, its bytes do not.
    void add(std::uint64_t gpa) noexcept;

    // TDH.MR.EXTEND of the chunk at `gpa` (a multiple of 256).
    void extend(std::uint64_t gpa, std::byte const *chunk) noexcept;

    // KVM_TDX_INIT_MEM_REGION with KVM_TDX_MEASURE_MEMORY_REGION, one page of it: ADD, then EXTEND of its 16 chunks.
    void add_measured(std::uint64_t gpa, std::byte const *page) noexcept;

    // As TDH.MR.FINALIZE would leave it now; may go on afterwards.
    Measurement value() const noexcept;

private:
    void absorb_header(std::string_view name, std::uint64_t gpa) noexcept;

    crypto::Primitives const &table_;
    crypto::Digest *digest_;
};

} // namespace gmem::platform::measure
