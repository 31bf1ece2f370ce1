#include "memory/huge_pages.hpp"

#include "memory/gate.hpp"
#include "memory/process.hpp"
#include "memory/space.hpp"
#include "os/mapping_calls.hpp"

namespace gmem::memory {

constinit bool HugePages::wished_ { false };

// Without the wish: a punched 4 KiB page of a huge one would close its 511 neighbours in every window.
void HugePages::advise(os::AddressRange r) noexcept
{
    if (!wished_)
        (void)os::advise(r, MADV_NOHUGEPAGE); // EINVAL on kernels without huge pages
}

Status HugePages::settle(PageRange r) noexcept
{
    for (auto at { r.first() }; at < r.last();) {
        auto const run { extents().next_settled(at, r.last(), false) };
        if (!run)
            break;
        for (at = run->first(); at < run->last();) {
            auto const e { *extents().extent_of(at) };
            GMEM_CHECK(settle_one(e));
            at = ExtentMap::pages_of(e).last();
        }
    }
    return Ok {};
}

Status HugePages::settle_whole(PageRange r) noexcept
{
    auto const first { (r.first().index() + pages_per_mega - 1) / pages_per_mega * pages_per_mega };
    auto const inside { PageRange::make(PageNo { first }, PageNo { r.last().index() / pages_per_mega * pages_per_mega }) };
    return inside ? settle(*inside) : Status { Ok {} };
}

Status HugePages::settle_one(ExtentNo e) noexcept
{
    auto const pages { ExtentMap::pages_of(e) };
    if (!file_.stage_extents(pages))
        return Error::at_page(Why::no_memory, pages.first(), "huge.stage");
    auto const became { populate_and_collapse(e) };
    extents().settle(e, became);
    if (became == ExtentMap::State::small)
        count(file_.header().counters.extents_kept_small);
    return Ok {};
}

// The kernel refuses to collapse an extent with holes while a window is registered for them: hence populate first, as a whole. What
// cannot be populated stays small: recovery will say ENOMEM of the page that is really missing.
ExtentMap::State HugePages::populate_and_collapse(ExtentNo e) noexcept
{
    auto const view { file_.view_of(ExtentMap::pages_of(e)) };
    if (!os::advise(view, os::madv_populate_write))
        return ExtentMap::State::small;
    for (int attempt { 0 }; attempt < 4; ++attempt) {
        auto const collapsed { os::advise(view, os::madv_collapse) };
        if (collapsed)
            return ExtentMap::State::huge;
        if (collapsed.error().err != EAGAIN) // pages were on their way somewhere: worth another try
            break;
    }
    return ExtentMap::State::small;
}

Status HugePages::open_extent(Window &w, PageNo p) noexcept GMEM_NO_THREAD_SAFETY
{
    auto const e { extents().extent_of(p) };
    if (!e)
        return Ok {};
    if (extents().at(p) == ExtentMap::State::unsettled)
        GMEM_CHECK(settle_one(*e));
    auto const part { ExtentMap::pages_of(*e).intersect(w.pages()) };
    for (auto at { part->first() }; at < part->last();) {
        auto const run { file_.attributes().next_run(at, part->last(), Attribute::shared) };
        if (!run)
            break;
        gate::open(w, *run, Process::opening());
        at = run->last();
    }
    return Ok {};
}

void HugePages::keep_small_at(PageNo p) noexcept
{
    if (p.index() % pages_per_mega == 0 || !(p < file_.pages()) || extents().at(p) != ExtentMap::State::unsettled)
        return;
    auto const e { *extents().extent_of(p) };
    if (file_.stage_extents(ExtentMap::pages_of(e)))
        extents().settle(e, ExtentMap::State::small);
}

void HugePages::reserve(PageRange r) noexcept
{
    for (auto at { r.first() }; at < r.last();) {
        auto const huge { extents().next_huge(at, r.last()) };
        if (!huge)
            return;
        if (file_.stage_extents(*huge))
            extents().release(*huge);
        at = huge->last();
    }
}

} // namespace gmem::memory
