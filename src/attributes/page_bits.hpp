#pragma once
// One bit for each page of a file, with summaries, so that a uniform range is one entry: lookups are O(1), a terabyte is set in
// microseconds, and what is not fragmented costs nothing.
//
// A view on memory that somebody else owns. All-zero memory is a valid structure in which every bit is clear.
//
// Invariants (audit() proves them):
//   B1  a summary byte is clear, set or mixed.
//   B2  mixed means mixed: the 2 MiB or 1 GiB below it holds both values.
//   B3  bits and megas count only below a mixed entry; elsewhere their memory is stale and never read for an answer.
//   B4  what lies below a mixed entry is marked resident.
//
// One writer at a time (the caller's lock); any number of readers without a lock. A writer fills the level below before it
// publishes "mixed" with release. A reader that saw an older "mixed" may read a lower entry of that older era or of a newer one:
// each was the truth at some instant after its first load, so for one page a lookup is linearizable.

#include "attributes/page_bits_layout.hpp"
#include "base/text.hpp"
#include "os/kill_points.hpp"

#include <optional>

namespace gmem {

class PageBits final {
public:
    static constexpr PageBitsLayout layout(PageNo pages) noexcept { return layout_of_page_bits(pages); }

    PageBits(std::byte *base, PageNo pages) noexcept : base_ { base }, pages_ { pages }, layout_ { layout(pages) } {}

    // Wait-free.
    bool test(PageNo p) const noexcept
    {
        auto const giga { load(giga_at(p.index() / pages_per_giga)) };
        if (giga != mixed) [[likely]]
            return giga == all_set;
        auto const mega { load(mega_at(p.index() / pages_per_mega)) };
        if (mega != mixed)
            return mega == all_set;
        return load(word_at(p.index() / 64)) >> (p.index() % 64) & 1;
    }

    // The first page of r with `value`.
    std::optional<PageNo> first_with(PageRange r, bool value) const noexcept;

    // The first run of `value` in [from, limit), cut at limit.
    std::optional<PageRange> next_run(PageNo from, PageNo limit, bool value) const noexcept;

    std::uint64_t count(PageRange r, bool value) const noexcept;

    // Makes resident what set(r, ...) may dirty: make_resident(offset, length) -> bool, in bytes from base, whole pages. False at
    // its first failure; then nothing but residency has changed. Costs a few loads when all is resident.
    template <typename MakeResident>
    bool stage(PageRange r, MakeResident &&make_resident) noexcept
    {
        // Only the entries at the two ends can become mixed: what lies between becomes uniform one level up.
        return stage_around(r.first(), r, make_resident) && stage_around(PageNo { r.last().index() - 1 }, r, make_resident);
    }

    // Cannot fail. stage(r) must have succeeded. Afterwards B2 holds again: entries that became uniform are folded.
    void set(PageRange r, bool value) noexcept;

    // nullptr: healthy; otherwise the broken invariant.
    char const *audit() const noexcept;

    // "0-4:0 4-6:1 6-8:0" with the caller's two letters.
    void dump(Text &out, char clear, char set) const noexcept;

private:
    enum Summary : std::uint8_t { all_clear = 0, all_set = 1, mixed = 2 };

    std::uint8_t *giga_at(std::uint64_t n) const noexcept { return reinterpret_cast<std::uint8_t *>(base_) + n; }
    std::uint8_t *mega_at(std::uint64_t n) const noexcept { return reinterpret_cast<std::uint8_t *>(base_) + layout_.mega_at + n; }
    std::uint64_t *mega_word_at(std::uint64_t n) const noexcept { return reinterpret_cast<std::uint64_t *>(base_ + layout_.mega_at + n); } // n a multiple of 8
    std::uint64_t *word_at(std::uint64_t n) const noexcept { return reinterpret_cast<std::uint64_t *>(base_ + layout_.bits_at) + n; }

    template <typename T>
    static T load(T const *p) noexcept
    {
        return __atomic_load_n(p, __ATOMIC_ACQUIRE);
    }
    template <typename T>
    static void store(T *p, T v) noexcept
    {
        __atomic_store_n(p, v, __ATOMIC_RELEASE);
        os::kill_point("bits.stored");
    }

    static constexpr std::uint8_t uniform(bool value) noexcept { return value ? all_set : all_clear; }
    PageNo end_of_giga(std::uint64_t n) const noexcept { return least(pages_, PageNo { (n + 1) * pages_per_giga }); }
    PageNo end_of_mega(std::uint64_t n) const noexcept { return least(pages_, PageNo { (n + 1) * pages_per_mega }); }
    static PageNo least(PageNo a, PageNo b) noexcept { return b < a ? b : a; }

    void set_in_giga(std::uint64_t giga, PageRange r, bool value) noexcept;
    void set_in_mega(std::uint64_t mega, PageRange r, bool value) noexcept;
    bool megas_are(std::uint64_t giga, std::uint8_t summary) const noexcept;
    bool bits_are(std::uint64_t mega, bool value) const noexcept;

    bool resident(std::size_t offset) const noexcept;
    void mark_resident(std::size_t offset) noexcept;

    template <typename MakeResident>
    bool stage_page(std::size_t offset, MakeResident &make_resident) noexcept
    {
        if (resident(offset)) [[likely]]
            return true;
        if (!make_resident(offset & ~(page_size - 1), page_size))
            return false;
        mark_resident(offset);
        return true;
    }
    // For the giga and the mega that hold `p`, an end of r: what they may need below them.
    template <typename MakeResident>
    bool stage_around(PageNo p, PageRange r, MakeResident &make_resident) noexcept
    {
        auto const giga { p.index() / pages_per_giga };
        if (covers(r, PageNo { giga * pages_per_giga }, end_of_giga(giga)))
            return true;
        auto const mega { p.index() / pages_per_mega };
        if (!stage_page(layout_.mega_at + mega, make_resident)) // a giga's 512 megas lie in one page
            return false;
        // The megas strictly inside r become uniform; the one at the end may become mixed.
        return covers(r, PageNo { mega * pages_per_mega }, end_of_mega(mega)) || stage_page(layout_.bits_at + mega * (pages_per_mega / 8), make_resident);
    }
    static bool covers(PageRange r, PageNo first, PageNo last) noexcept { return r.first() <= first && last <= r.last(); }

    std::byte *base_;
    PageNo pages_;
    PageBitsLayout layout_;
};

} // namespace gmem
