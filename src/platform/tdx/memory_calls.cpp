#include "platform/tdx/entry_access.hpp"

namespace gmem::platform::tdx {
namespace {

// Return the status of `expr`, if it is no success.
#define GMEM_SEAM(expr)                                       \
    do {                                                      \
        if (auto const gmem_seam { (expr) }; gmem_seam != Seam::success) \
            return gmem_seam;                                 \
    } while (0)

Seam admitted_at(Call c, TdState const &td, Pages const &pages, Place const &at) noexcept
{
    GMEM_SEAM(admitted(c, td));
    GMEM_SEAM(well_formed(pages, at));
    return walk(at);
}

// The entry's answer to a change of a page that the TD has.
Seam allowed(Change c, Pages const &pages, Place const &at) noexcept { return outcome(c, entry_at(pages, at)).status; }

// A page that has an entry is that TD's; the PAMT is asked all the same.
bool owned_by(TdState const &td, Pages const &pages, Place const &at) noexcept
{
    auto const e { entry_at(pages, at) };
    return empty(e) || further(e) || record_at(pages, at.page).owner == td.id;
}

}

Seam sept_add(TdState const &td, Upper &upper) noexcept
{
    GMEM_SEAM(admitted(Call::mem_sept_add, td));
    auto const o { outcome(Change::sept_add, upper.entry) };
    if (o.status == Seam::success)
        upper = { o.to, 0 };
    return o.status;
}

Seam sept_remove(TdState const &td, Upper &upper) noexcept
{
    GMEM_SEAM(admitted(Call::mem_sept_remove, td));
    auto const o { outcome(Change::sept_remove, upper.entry) };
    GMEM_SEAM(o.status);
    if (!tracked(td, upper.block_epoch))
        return Seam::tlb_tracking_not_done;
    upper = { o.to, 0 };
    return Seam::success;
}

Seam page_add(TdState const &td, Pages &pages, Place const &at, std::byte const *source) noexcept
{
    GMEM_SEAM(admitted_at(Call::mem_page_add, td, pages, at));
    if (at.level != Level::small)
        return Seam::operand_invalid;
    GMEM_SEAM(allowed(Change::page_add, pages, at));
    if (!unassigned(pages, at))
        return Seam::page_metadata_incorrect;
    if (source)
        __builtin_memcpy(pages.page(at.page), source, page_size);
    give(td, pages, at, Entry::mapped);
    return Seam::success;
}

Seam may_extend(TdState const &td, Pages const &pages, Place const &at) noexcept
{
    GMEM_SEAM(admitted_at(Call::mr_extend, td, pages, at));
    if (!owned_by(td, pages, at))
        return Seam::page_metadata_incorrect;
    return allowed(Change::extend, pages, at);
}

Seam page_aug(TdState const &td, Pages &pages, Place const &at) noexcept
{
    GMEM_SEAM(admitted_at(Call::mem_page_aug, td, pages, at));
    GMEM_SEAM(allowed(Change::aug, pages, at));
    if (!unassigned(pages, at))
        return Seam::page_metadata_incorrect;
    give(td, pages, at, Entry::pending);
    return Seam::success;
}

Seam page_accept(TdState const &td, Pages &pages, Place const &at) noexcept
{
    GMEM_SEAM(admitted(Call::mem_page_accept, td));
    GMEM_SEAM(well_formed(pages, at));
    if (at.level == Level::small && at.upper && !empty(at.upper->entry) && !further(at.upper->entry))
        return Seam::page_size_mismatch;
    if (walk(at) != Seam::success)
        return Seam::ept_violation;
    if (at.level == Level::small && record_at(pages, at.page).level == Level::large && entry_at(pages, at) != Entry::free)
        return Seam::page_size_mismatch;
    if (!owned_by(td, pages, at))
        return Seam::page_metadata_incorrect;
    auto const o { outcome(Change::accept, entry_at(pages, at)) };
    GMEM_SEAM(o.status);
    __builtin_memset(pages.page(at.page), 0, pages_of(at.level) * page_size);
    change(pages, at, o.to, 0);
    return Seam::success;
}

Seam range_block(TdState const &td, Pages &pages, Place const &at) noexcept
{
    GMEM_SEAM(admitted_at(Call::mem_range_block, td, pages, at));
    if (!owned_by(td, pages, at))
        return Seam::page_metadata_incorrect;
    auto const o { outcome(Change::block, entry_at(pages, at)) };
    GMEM_SEAM(o.status);
    change(pages, at, o.to, *td.epoch);
    return Seam::success;
}

Seam range_unblock(TdState const &td, Pages &pages, Place const &at) noexcept
{
    GMEM_SEAM(admitted_at(Call::mem_range_unblock, td, pages, at));
    if (!owned_by(td, pages, at))
        return Seam::page_metadata_incorrect;
    auto const o { outcome(Change::unblock, entry_at(pages, at)) };
    GMEM_SEAM(o.status);
    change(pages, at, o.to, 0);
    return Seam::success;
}

Seam mem_track(TdState &td) noexcept
{
    GMEM_SEAM(admitted(Call::mem_track, td));
    if (td.inside.before)
        return Seam::previous_tlb_epoch_busy;
    ++*td.epoch;
    td.inside = { 0, td.inside.now };
    return Seam::success;
}

Seam page_remove(TdState const &td, Pages &pages, Place const &at) noexcept
{
    GMEM_SEAM(admitted_at(Call::mem_page_remove, td, pages, at));
    if (!owned_by(td, pages, at))
        return Seam::page_metadata_incorrect;
    auto const runnable { td.op == Op::runnable };
    GMEM_SEAM(allowed(runnable ? Change::remove : Change::early_remove, pages, at));
    if (runnable && !tracked(td, block_epoch_at(pages, at)))
        return Seam::tlb_tracking_not_done;
    take(pages, at);
    return Seam::success;
}

Seam page_demote(TdState const &td, Pages &pages, Place const &at) noexcept
{
    GMEM_SEAM(admitted_at(Call::mem_page_demote, td, pages, at));
    if (at.level != Level::large)
        return Seam::operand_invalid;
    if (!owned_by(td, pages, at))
        return Seam::page_metadata_incorrect;
    auto const o { outcome(Change::demote, at.upper->entry) };
    GMEM_SEAM(o.status);
    if (blocked(at.upper->entry) && !tracked(td, at.upper->block_epoch)) // assumption: one that is not blocked needs no tracking
        return Seam::tlb_tracking_not_done;
    for (std::uint64_t i { 0 }; i < pages_of_large; ++i)
        give(td, pages, { at.page.plus(i), at.frame + i }, o.to);
    *at.upper = { Entry::nl_mapped, 0 };
    return Seam::success;
}

Seam page_promote(TdState const &td, Pages &pages, Place const &at) noexcept
{
    GMEM_SEAM(admitted_at(Call::mem_page_promote, td, pages, at));
    if (at.level != Level::large)
        return Seam::operand_invalid;
    GMEM_SEAM(outcome(Change::promote, at.upper->entry).status);
    if (blocked(at.upper->entry) && !tracked(td, at.upper->block_epoch))
        return Seam::tlb_tracking_not_done;
    auto const state { entry_at(pages, { at.page, at.frame }) };
    if (state != Entry::mapped && state != Entry::pending)
        return Seam::ept_invalid_promote_conditions;
    for (std::uint64_t i { 0 }; i < pages_of_large; ++i)
        if (entry_at(pages, { at.page.plus(i), at.frame + i }) != state || record_at(pages, at.page.plus(i)).owner != td.id)
            return Seam::ept_invalid_promote_conditions;
    give(td, pages, at, state);
    return Seam::success;
}

Seam page_reclaim(TdState const &td, Pages &pages, PageNo p) noexcept
{
    GMEM_SEAM(admitted(Call::phymem_page_reclaim, td));
    if (p.index() >= pages.count.index())
        return Seam::operand_invalid;
    auto const r { record_at(pages, p) };
    if (!owned(r) || r.owner != td.id)
        return Seam::page_metadata_incorrect;
    auto const n { pages_of(r.size) };
    if (r.frame % n != 0)
        return Seam::operand_invalid; // inside of a large page: it goes as one
    for (std::uint64_t i { 0 }; i < n; ++i)
        pages.record(p.plus(i)) = {};
    return Seam::success;
}

} // namespace gmem::platform::tdx
