#pragma once
// Where the parts of a PageBits lie in its memory: byte offsets, no pointers, so that processes may share it.
//
//   giga       one byte for each 1 GiB:  all clear, all set, or mixed
//   resident   one bit for each 4 KiB of this structure that has been made resident
//   mega       one byte for each 2 MiB
//   bits       one bit for each page
//
// Each part begins on a page. A 16 TiB file has 16 KiB of giga, 16.25 KiB of resident, 8 MiB of mega and 512 MiB of bits, of
// which only giga and resident exist until something is fragmented.

#include "base/units.hpp"

namespace gmem {

inline constexpr std::uint64_t pages_per_mega { 512 };
inline constexpr std::uint64_t megas_per_giga { 512 };
inline constexpr std::uint64_t pages_per_giga { pages_per_mega * megas_per_giga };

struct PageBitsLayout final {
    std::size_t resident_at, mega_at, bits_at; // giga is at 0
    std::size_t eager_bytes;                   // giga and resident: resident from creation on
    std::size_t total_bytes;
};

constexpr PageBitsLayout layout_of_page_bits(PageNo pages) noexcept
{
    constexpr auto up { [](std::uint64_t n, std::uint64_t unit) constexpr { return (n + unit - 1) / unit; } };
    constexpr auto whole_pages { [](std::uint64_t bytes) constexpr { return (bytes + page_size - 1) & ~(page_size - 1); } };
    auto const megas { up(pages.index(), pages_per_mega) };
    auto const giga_bytes { whole_pages(up(pages.index(), pages_per_giga)) };
    auto const mega_bytes { whole_pages(megas) };
    auto const bits_bytes { whole_pages(megas * (pages_per_mega / 8)) };
    auto const resident_bytes { whole_pages(up((mega_bytes + bits_bytes) >> page_bits, 8)) };
    auto const eager { giga_bytes + resident_bytes };
    return { giga_bytes, eager, eager + mega_bytes, eager, eager + mega_bytes + bits_bytes };
}

} // namespace gmem
