#pragma once
// The MRTD of a TD that is being built: a calculator (platform/measure/tdx_digest.hpp) that begins with TDH.MNG.INIT.

#include "base/result.hpp"
#include "platform/measure/tdx_digest.hpp"

#include <optional>

namespace gmem::platform::tdx {

inline constexpr std::size_t mrtd_bytes { 48 };
inline constexpr std::size_t chunk_bytes { measure::TdxDigest::chunk_bytes };

// Nothing is measured before start().
class Mrtd final {
public:
    // EOPNOTSUPP: no cryptography is installed. ENOMEM.
    Status start() noexcept;
    bool started() const noexcept { return digest_.has_value(); }

    void page_added(std::uint64_t gpa) noexcept { digest_->add(gpa); }
    void extended(std::uint64_t gpa, std::byte const *chunk) noexcept { digest_->extend(gpa, chunk); }

    // As of now; after FINALIZE it is the TD's measurement.
    void read(std::byte (&out)[mrtd_bytes]) const noexcept;

private:
    std::optional<measure::TdxDigest> digest_;
};

} // namespace gmem::platform::tdx
