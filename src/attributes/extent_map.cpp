#include "attributes/extent_map.hpp"

namespace gmem {

// Runs of extents, as pages of the whole extents only.
std::optional<PageRange> ExtentMap::next_pages(PageBits const &bits, PageNo from, PageNo limit, bool value) const noexcept
{
    PageNo const first { from.index() / pages_per_mega };
    auto const last { least(extents_, PageNo { (limit.index() + pages_per_mega - 1) / pages_per_mega }) };
    auto const run { bits.next_run(first, last, value) };
    if (!run)
        return std::nullopt;
    auto const pages { *PageRange::make(PageNo { run->first().index() * pages_per_mega }, PageNo { run->last().index() * pages_per_mega }) };
    auto const asked { PageRange::make(from, limit) };
    return asked ? pages.intersect(*asked) : std::nullopt;
}

std::optional<PageRange> ExtentMap::next_settled(PageNo from, PageNo limit, bool settled) const noexcept
{
    auto const run { next_pages(settled_, from, limit, settled) };
    PageNo const tail { extents_.index() * pages_per_mega };
    if (!settled || limit <= tail)
        return run;
    if (!run)
        return PageRange::make(tail < from ? from : tail, limit);
    return run->last() == tail ? PageRange::make(run->first(), limit) : run;
}

std::optional<PageRange> ExtentMap::next_huge(PageNo from, PageNo limit) const noexcept { return next_pages(huge_, from, limit, true); }

void ExtentMap::settle(ExtentNo e, State s) noexcept
{
    auto const one { PageRange::one(number(e)) };
    settled_.set(one, true); // E1: before "huge"
    huge_.set(one, s == State::huge);
}

void ExtentMap::unsettle(ExtentNo e) noexcept
{
    auto const one { PageRange::one(number(e)) };
    held_.set(pages_of(e), false);
    huge_.set(one, false);
    settled_.set(one, false);
}

char const *ExtentMap::audit() const noexcept
{
    if (settled_.audit() || huge_.audit() || held_.audit())
        return "E3: the bits of extents are broken";
    for (PageNo e { 0 }; e < extents_;) {
        auto const run { huge_.next_run(e, extents_, true) };
        if (!run)
            break;
        if (settled_.first_with(*run, false))
            return "E1: an extent is huge and not settled";
        e = run->last();
    }
    for (PageNo p { 0 }; p < pages_;) {
        auto const run { held_.next_run(p, pages_, true) };
        if (!run)
            break;
        for (auto at { run->first() }; at < run->last(); at = PageNo { (at.index() / pages_per_mega + 1) * pages_per_mega })
            if (this->at(at) != State::huge)
                return "E2: a page is held and not part of a huge page";
        p = run->last();
    }
    return nullptr;
}

} // namespace gmem
