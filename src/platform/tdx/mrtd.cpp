#include "platform/tdx/mrtd.hpp"

namespace gmem::platform::tdx {

Status Mrtd::start() noexcept
{
    auto const *table { crypto::primitives() };
    if (!table)
        return Error::of(Why::not_supported, "TDX: no cryptography");
    if (digest_)
        return Ok {};
    if (digest_.emplace(*table))
        return Ok {};
    digest_.reset();
    return Error::of(Why::no_memory, "TDX: MRTD");
}

void Mrtd::read(std::byte (&out)[mrtd_bytes]) const noexcept
{
    auto const measurement { digest_->value() };
    __builtin_memcpy(out, measurement.bytes, sizeof out);
}

} // namespace gmem::platform::tdx
