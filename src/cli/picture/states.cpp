#include "cli/picture/states.hpp"

#include <algorithm>
#include <bit>

namespace gmem::cli::picture {
namespace {

constexpr std::uint64_t all { ~std::uint64_t { 0 } };

// The bits of word `w` that stand for pages [first, last).
std::uint64_t mask_of(std::uint64_t w, std::uint64_t first, std::uint64_t last) noexcept
{
    auto const begin { std::max(first, w * 64) - w * 64 };
    auto const end { std::min(last, w * 64 + 64) - w * 64 };
    return all << begin & (end == 64 ? all : ~(all << end));
}

} // namespace

PageStates::PageStates(std::uint64_t pages, Attribute initial) : pages_ { pages }, chunks_((pages + chunk_pages - 1) / chunk_pages)
{
    if (initial == Attribute::private_)
        set(0, pages, initial);
}

std::uint64_t PageStates::pages_in(std::uint64_t chunk) const noexcept { return std::min(chunk_pages, pages_ - chunk * chunk_pages); }

void PageStates::set(std::uint64_t first, std::uint64_t count, Attribute a)
{
    for (auto const end { first + count }; first < end;) {
        auto const chunk { first / chunk_pages };
        auto const part { std::min(end, (chunk + 1) * chunk_pages) - first };
        set_in(chunk, first % chunk_pages, part, a);
        first += part;
    }
}

void PageStates::set_in(std::uint64_t chunk, std::uint64_t first, std::uint64_t count, Attribute a)
{
    auto &c { chunks_[chunk] };
    auto const size { pages_in(chunk) };
    auto const before { c.count };
    if (count == size) {
        c.bits = {};
        c.count = a == Attribute::private_ ? size : 0;
    } else {
        if (c.bits.empty()) {
            if (c.count == (a == Attribute::private_ ? size : 0))
                return;
            c.bits.assign(chunk_pages / 64, c.count ? all : 0);
        }
        auto const were { count_in(c, first, count) };
        for (auto w { first / 64 }; w * 64 < first + count; ++w) {
            auto const mask { mask_of(w, first, first + count) };
            c.bits[w] = a == Attribute::private_ ? c.bits[w] | mask : c.bits[w] & ~mask;
        }
        c.count += (a == Attribute::private_ ? count : 0) - were;
        if (c.count == 0 || c.count == size)
            c.bits = {};
    }
    total_ += c.count - before;
}

std::uint64_t PageStates::count_in(Chunk const &c, std::uint64_t first, std::uint64_t count) const noexcept
{
    if (c.bits.empty())
        return c.count ? count : 0;
    std::uint64_t sum { 0 };
    for (auto w { first / 64 }; w * 64 < first + count; ++w)
        sum += static_cast<std::uint64_t>(std::popcount(c.bits[w] & mask_of(w, first, first + count)));
    return sum;
}

std::uint64_t PageStates::private_pages(std::uint64_t first, std::uint64_t count) const
{
    std::uint64_t sum { 0 };
    for (auto const end { first + count }; first < end;) {
        auto const chunk { first / chunk_pages };
        auto const part { std::min(end, (chunk + 1) * chunk_pages) - first };
        sum += part == pages_in(chunk) ? chunks_[chunk].count : count_in(chunks_[chunk], first % chunk_pages, part);
        first += part;
    }
    return sum;
}

} // namespace gmem::cli::picture
