#include "platform/measure/tdx_digest.hpp"

#include <cstring>

namespace gmem::platform::measure {

// 128 bytes: the call's name, then the gpa at 16, then zeros.
void TdxDigest::absorb_header(std::string_view name, std::uint64_t gpa) noexcept
{
    std::byte header[128] {};
    std::memcpy(header, name.data(), name.size());
    store(header + 16, gpa, 8);
    table_.absorb(digest_, header, sizeof header);
}

void TdxDigest::add(std::uint64_t gpa) noexcept { absorb_header("MEM.PAGE.ADD", gpa); }

void TdxDigest::extend(std::uint64_t gpa, std::byte const *chunk) noexcept
{
    absorb_header("MR.EXTEND", gpa);
    table_.absorb(digest_, chunk, chunk_bytes);
}

void TdxDigest::add_measured(std::uint64_t gpa, std::byte const *page) noexcept
{
    add(gpa);
    for (std::uint64_t at { 0 }; at < page_size; at += chunk_bytes)
        extend(gpa + at, page + at);
}

Measurement TdxDigest::value() const noexcept
{
    Measurement m { .size = 48 };
    table_.peek(digest_, m.bytes);
    return m;
}

} // namespace gmem::platform::measure
