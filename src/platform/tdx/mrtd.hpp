#pragma once
// MRTD, the measurement of a TD's launch image: one running SHA-384 (platform-models.md 2.5; the TDX module's source and an independent verifier
// agree on the layout).
//
//   PAGE.ADD  absorbs 128 bytes: "MEM.PAGE.ADD" at 0, the gpa (64 bit, little endian) at 16, the rest 0
//   EXTEND    absorbs the same with "MR.EXTEND", then the 256 bytes themselves

#include "base/result.hpp"
#include "crypto/primitives.hpp"

namespace gmem::platform::tdx {

inline constexpr std::size_t mrtd_bytes { 48 };
inline constexpr std::size_t chunk_bytes { 256 };

// Owns the running hash. Nothing is measured before start().
class Mrtd final {
public:
    Mrtd() noexcept = default;
    Mrtd(Mrtd const &) = delete;
    Mrtd &operator=(Mrtd const &) = delete;
    ~Mrtd();

    // EOPNOTSUPP: no cryptography is installed. ENOMEM.
    Status start() noexcept;
    bool started() const noexcept { return digest_ != nullptr; }

    void page_added(std::uint64_t gpa) noexcept;
    void extended(std::uint64_t gpa, std::byte const *chunk) noexcept;

    // As of now; after FINALIZE it is the TD's measurement.
    void read(std::byte (&out)[mrtd_bytes]) const noexcept;

private:
    void absorb_block(char const *name, std::size_t size, std::uint64_t gpa) noexcept;

    crypto::Digest *digest_ { nullptr };
};

} // namespace gmem::platform::tdx
