#include "attributes/page_bits.hpp"

#include <bit>
#include <cstring>

namespace gmem {
namespace {

// Bits [from, to) of a 64-bit word, 0 <= from < to <= 64.
constexpr std::uint64_t mask(unsigned from, unsigned to) noexcept { return (~std::uint64_t { 0 } << from) & (~std::uint64_t { 0 } >> (64 - to)); }
static_assert(mask(0, 64) == ~std::uint64_t { 0 } && mask(3, 4) == 8);

// A byte value times this is eight of that byte: summaries are filled and compared by words.
constexpr std::uint64_t every_byte { 0x0101010101010101 };

constexpr unsigned bit_of(PageNo p) noexcept { return static_cast<unsigned>(p.index() % 64); }

} // namespace

std::optional<PageNo> PageBits::first_with(PageRange r, bool value) const noexcept
{
    for (auto p { r.first() }; p < r.last();) {
        auto const giga { p.index() / pages_per_giga };
        if (auto const g { load(giga_at(giga)) }; g != mixed) {
            if (g == uniform(value))
                return p;
            p = end_of_giga(giga);
            continue;
        }
        auto const mega { p.index() / pages_per_mega };
        if (auto const m { load(mega_at(mega)) }; m != mixed) {
            if (m == uniform(value))
                return p;
            p = end_of_mega(mega);
            continue;
        }
        auto const word { load(word_at(p.index() / 64)) };
        auto const candidates { (value ? word : ~word) & mask(bit_of(p), 64) };
        if (candidates != 0) {
            PageNo const found { p.index() / 64 * 64 + static_cast<unsigned>(std::countr_zero(candidates)) };
            return found < r.last() ? std::optional { found } : std::nullopt;
        }
        p = PageNo { (p.index() / 64 + 1) * 64 };
    }
    return std::nullopt;
}

std::optional<PageRange> PageBits::next_run(PageNo from, PageNo limit, bool value) const noexcept
{
    auto const all { PageRange::make(from, limit) };
    if (!all)
        return std::nullopt;
    auto const first { first_with(*all, value) };
    if (!first)
        return std::nullopt;
    auto const end { first_with(*PageRange::make(*first, limit), !value) };
    return PageRange::make(*first, end ? *end : limit);
}

std::uint64_t PageBits::count(PageRange r, bool value) const noexcept
{
    std::uint64_t n { 0 };
    for (auto p { r.first() }; p < r.last();) {
        auto const run { next_run(p, r.last(), value) };
        if (!run)
            break;
        n += run->pages();
        p = run->last();
    }
    return n;
}

void PageBits::set(PageRange r, bool value) noexcept
{
    for (auto p { r.first() }; p < r.last();) {
        auto const giga { p.index() / pages_per_giga };
        auto const end { least(end_of_giga(giga), r.last()) };
        set_in_giga(giga, *PageRange::make(p, end), value);
        p = end;
    }
}

void PageBits::set_in_giga(std::uint64_t giga, PageRange r, bool value) noexcept
{
    auto *const summary { giga_at(giga) };
    if (load(summary) == uniform(value))
        return;
    PageNo const first { giga * pages_per_giga };
    if (covers(r, first, end_of_giga(giga)))
        return store(summary, uniform(value));

    auto const first_mega { giga * megas_per_giga };
    if (load(summary) != mixed) { // the level below first, then the word that leads there
        auto const before { std::uint64_t { load(summary) } * every_byte };
        for (std::uint64_t i { 0 }; i < megas_per_giga / 8; ++i) // beyond the end of the file too: nobody looks there
            store(mega_word_at(first_mega) + i, before);
        store(summary, std::uint8_t { mixed });
    }
    bool became_uniform { false };
    for (auto p { r.first() }; p < r.last();) {
        auto const mega { p.index() / pages_per_mega };
        auto const end { least(end_of_mega(mega), r.last()) };
        set_in_mega(mega, *PageRange::make(p, end), value);
        became_uniform = load(mega_at(mega)) == uniform(value);
        p = end;
    }
    if (became_uniform && megas_are(giga, uniform(value)))
        store(summary, uniform(value));
}

void PageBits::set_in_mega(std::uint64_t mega, PageRange r, bool value) noexcept
{
    auto *const summary { mega_at(mega) };
    if (load(summary) == uniform(value))
        return;
    if (covers(r, PageNo { mega * pages_per_mega }, end_of_mega(mega)))
        return store(summary, uniform(value));

    if (load(summary) != mixed) {
        auto const before { load(summary) == all_set ? ~std::uint64_t { 0 } : 0 };
        for (std::uint64_t i { 0 }; i < pages_per_mega / 64; ++i)
            store(word_at(mega * (pages_per_mega / 64) + i), before);
        store(summary, std::uint8_t { mixed });
    }
    for (auto p { r.first() }; p < r.last();) {
        auto const end { least(PageNo { (p.index() / 64 + 1) * 64 }, r.last()) };
        auto *const word { word_at(p.index() / 64) };
        auto const part { mask(bit_of(p), static_cast<unsigned>(end.index() - p.index() / 64 * 64)) };
        store(word, value ? load(word) | part : load(word) & ~part);
        p = end;
    }
    if (bits_are(mega, value))
        store(summary, uniform(value));
}

bool PageBits::bits_are(std::uint64_t mega, bool value) const noexcept
{
    for (auto p { PageNo { mega * pages_per_mega } }; p < end_of_mega(mega); p = p.plus(64)) {
        auto const in_word { end_of_mega(mega).index() - p.index() };
        auto const part { mask(0, in_word < 64 ? static_cast<unsigned>(in_word) : 64) };
        if ((load(word_at(p.index() / 64)) & part) != (value ? part : 0))
            return false;
    }
    return true;
}

bool PageBits::megas_are(std::uint64_t giga, std::uint8_t summary) const noexcept
{
    auto const first { giga * megas_per_giga };
    auto const megas { (end_of_giga(giga).index() - giga * pages_per_giga + pages_per_mega - 1) / pages_per_mega };
    for (std::uint64_t i { 0 }; i < megas / 8; ++i)
        if (load(mega_word_at(first) + i) != summary * every_byte)
            return false;
    for (auto i { megas / 8 * 8 }; i < megas; ++i)
        if (load(mega_at(first + i)) != summary)
            return false;
    return true;
}

bool PageBits::resident(std::size_t offset) const noexcept
{
    auto const page { (offset - layout_.eager_bytes) >> page_bits };
    return load(reinterpret_cast<std::uint8_t *>(base_) + layout_.resident_at + page / 8) >> (page % 8) & 1;
}

void PageBits::mark_resident(std::size_t offset) noexcept
{
    auto const page { (offset - layout_.eager_bytes) >> page_bits };
    auto *const byte { reinterpret_cast<std::uint8_t *>(base_) + layout_.resident_at + page / 8 };
    store(byte, static_cast<std::uint8_t>(load(byte) | 1u << (page % 8)));
}

char const *PageBits::audit() const noexcept
{
    for (std::uint64_t giga { 0 }; giga * pages_per_giga < pages_.index(); ++giga) {
        auto const g { load(giga_at(giga)) };
        if (g > mixed)
            return "B1: a 1 GiB summary has no meaning";
        if (g != mixed)
            continue;
        if (!resident(layout_.mega_at + giga * megas_per_giga))
            return "B4: 2 MiB summaries in use are not marked resident";
        if (megas_are(giga, all_clear) || megas_are(giga, all_set))
            return "B2: a 1 GiB entry says mixed and is uniform";
        for (auto p { PageNo { giga * pages_per_giga } }; p < end_of_giga(giga); p = p.plus(pages_per_mega)) {
            auto const mega { p.index() / pages_per_mega };
            auto const m { load(mega_at(mega)) };
            if (m > mixed)
                return "B1: a 2 MiB summary has no meaning";
            if (m != mixed)
                continue;
            if (!resident(layout_.bits_at + mega * (pages_per_mega / 8)))
                return "B4: bits in use are not marked resident";
            if (bits_are(mega, false) || bits_are(mega, true))
                return "B2: a 2 MiB entry says mixed and is uniform";
        }
    }
    return nullptr;
}

void PageBits::dump(Text &out, char clear, char set) const noexcept
{
    char const *gap { "" };
    for (PageNo p { 0 }; p < pages_;) {
        bool const value { test(p) };
        auto const run { next_run(p, pages_, value) };
        char const letter[2] { value ? set : clear, '\0' };
        out << gap << run->first().index() << "-" << run->last().index() << ":" << letter;
        gap = " ";
        p = run->last();
    }
}

} // namespace gmem
