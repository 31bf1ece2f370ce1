#include "platform/tdx/mrtd.hpp"

#include <bit>

namespace gmem::platform::tdx {

Mrtd::~Mrtd()
{
    if (digest_)
        crypto::primitives()->free_digest(digest_);
}

Status Mrtd::start() noexcept
{
    auto const *table { crypto::primitives() };
    if (!table)
        return Error::of(Why::not_supported, "TDX: no cryptography");
    if (!digest_)
        digest_ = table->make_digest(crypto::Hash::sha384);
    if (!digest_)
        return Error::of(Why::no_memory, "TDX: MRTD");
    return Ok {};
}

void Mrtd::absorb_block(char const *name, std::size_t size, std::uint64_t gpa) noexcept
{
    static_assert(std::endian::native == std::endian::little);
    std::byte block[128] {};
    __builtin_memcpy(block, name, size);
    __builtin_memcpy(block + 16, &gpa, sizeof gpa);
    crypto::primitives()->absorb(digest_, block, sizeof block);
}

void Mrtd::page_added(std::uint64_t gpa) noexcept { absorb_block("MEM.PAGE.ADD", 12, gpa); }

void Mrtd::extended(std::uint64_t gpa, std::byte const *chunk) noexcept
{
    absorb_block("MR.EXTEND", 9, gpa);
    crypto::primitives()->absorb(digest_, chunk, chunk_bytes);
}

void Mrtd::read(std::byte (&out)[mrtd_bytes]) const noexcept { crypto::primitives()->peek(digest_, out); }

} // namespace gmem::platform::tdx
