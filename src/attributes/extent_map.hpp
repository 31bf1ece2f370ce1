#pragma once
// What became of each 2 MiB extent of a file whose memory may be huge pages, and which 4 KiB pages of a huge page are punched although
// their memory is still held. Three PageBits with a meaning; all-zero memory is valid and means: nothing is settled.
//
// Invariants (audit() proves them):
//   E1  a huge extent is settled.
//   E2  a held page lies in a huge extent.
//   E3  the three PageBits are healthy.
//
// One writer at a time (the caller's lock), readers without a lock, as PageBits says. The pages behind the last whole 2 MiB belong to
// no extent: they are settled, and small, from the beginning.

#include "attributes/page_bits.hpp"

namespace gmem {

// Number of a whole 2 MiB extent inside ONE guest_memfd.
enum class ExtentNo : std::uint64_t {};

class ExtentMap final {
public:
    enum class State : std::uint8_t {
        unsettled, // no window has ever opened a page of it
        small,     // 4 KiB pages, as the kernel allocates them
        huge,      // one huge page
    };

    static constexpr std::size_t total_bytes(PageNo pages) noexcept { return 2 * extents_layout(pages).total_bytes + PageBits::layout(pages).total_bytes; }

    ExtentMap(std::byte *base, PageNo pages) noexcept
        : pages_ { pages }, extents_ { pages.index() / pages_per_mega }, stride_ { extents_layout(pages).total_bytes }
        , settled_ { base, extents_ }, huge_ { base + stride_, extents_ }, held_ { base + 2 * stride_, pages }
    {
    }

    // What must be resident from the beginning: reserve(offset, length) -> bool for each part.
    template <typename Reserve>
    static bool reserve_eager(PageNo pages, Reserve &&reserve) noexcept
    {
        auto const extents { extents_layout(pages) };
        return reserve(std::size_t { 0 }, extents.eager_bytes) && reserve(extents.total_bytes, extents.eager_bytes)
            && reserve(2 * extents.total_bytes, PageBits::layout(pages).eager_bytes);
    }

    static PageRange pages_of(ExtentNo e) noexcept
    {
        auto const first { static_cast<std::uint64_t>(e) * pages_per_mega };
        return *PageRange::make(PageNo { first }, PageNo { first + pages_per_mega });
    }
    // nullopt: behind the last whole extent.
    std::optional<ExtentNo> extent_of(PageNo p) const noexcept
    {
        PageNo const n { p.index() / pages_per_mega };
        return n < extents_ ? std::optional { ExtentNo { n.index() } } : std::nullopt;
    }

    State at(PageNo p) const noexcept
    {
        auto const e { extent_of(p) };
        if (!e)
            return State::small;
        if (huge_.test(number(*e)))
            return State::huge;
        return settled_.test(number(*e)) ? State::small : State::unsettled;
    }

    // The first pages of [from, limit) whose extents are settled (or, with false, are not), cut at limit.
    std::optional<PageRange> next_settled(PageNo from, PageNo limit, bool settled) const noexcept;
    // The first pages of [from, limit) that lie in huge extents.
    std::optional<PageRange> next_huge(PageNo from, PageNo limit) const noexcept;

    // Makes resident what a change of `r`'s extents may dirty. False: nothing but residency has changed.
    template <typename MakeResident>
    bool stage(PageRange r, MakeResident &&make_resident) noexcept
    {
        auto const at_offset { [&make_resident](std::size_t base) noexcept { return [&make_resident, base](std::size_t offset, std::size_t length) noexcept { return make_resident(base + offset, length); }; } };
        auto const extents { PageRange::make(PageNo { r.first().index() / pages_per_mega }, least(extents_, PageNo { (r.last().index() + pages_per_mega - 1) / pages_per_mega })) };
        return !extents || (settled_.stage(*extents, at_offset(0)) && huge_.stage(*extents, at_offset(stride_)) && held_.stage(r, at_offset(2 * stride_)));
    }

    // stage() of the extent, or of the pages, must have succeeded.
    void settle(ExtentNo e, State s) noexcept;
    void unsettle(ExtentNo e) noexcept; // nothing of it is held any more
    void hold(PageRange r) noexcept { held_.set(r, true); }
    void release(PageRange r) noexcept { held_.set(r, false); }

    bool held(PageNo p) const noexcept { return held_.test(p); }
    bool all_held(ExtentNo e) const noexcept { return !held_.first_with(pages_of(e), false); }

    std::uint64_t huge_extents() const noexcept { return extents_.index() ? huge_.count(*PageRange::make(PageNo { 0 }, extents_), true) : 0; }
    std::uint64_t held_pages() const noexcept { return held_.count(*PageRange::make(PageNo { 0 }, pages_), true); }

    // nullptr: healthy; otherwise the broken invariant.
    char const *audit() const noexcept;

private:
    static constexpr PageBitsLayout extents_layout(PageNo pages) noexcept { return PageBits::layout(PageNo { pages.index() / pages_per_mega }); }
    static constexpr PageNo number(ExtentNo e) noexcept { return PageNo { static_cast<std::uint64_t>(e) }; }
    static constexpr PageNo least(PageNo a, PageNo b) noexcept { return b < a ? b : a; }
    std::optional<PageRange> next_pages(PageBits const &bits, PageNo from, PageNo limit, bool value) const noexcept;

    PageNo pages_, extents_;
    std::size_t stride_;
    PageBits settled_, huge_, held_;
};

} // namespace gmem
