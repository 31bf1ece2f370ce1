#include "platform/tdx/entry_access.hpp"

namespace gmem::platform::tdx {

Seam well_formed(Pages const &pages, Place const &at) noexcept
{
    auto const n { pages_of(at.level) };
    auto const inside { at.page.index() < pages.count.index() && n <= pages.count.index() - at.page.index() && at.frame <= last_frame - (n - 1) };
    auto const aligned { at.frame % n == 0 && (at.level == Level::small || pages.physical(at.page) % n == 0) };
    return inside && aligned && (at.level == Level::small || at.upper) ? Seam::success : Seam::operand_invalid;
}

Seam walk(Place const &at) noexcept
{
    return at.level == Level::large || !at.upper || at.upper->entry == Entry::nl_mapped ? Seam::success : Seam::ept_walk_failed;
}

Entry entry_at(Pages const &pages, Place const &at) noexcept
{
    if (at.level == Level::large)
        return at.upper->entry;
    auto const r { record_at(pages, at.page) };
    return owned(r) && r.frame == at.frame ? r.entry : Entry::free;
}

std::uint64_t block_epoch_at(Pages const &pages, Place const &at) noexcept
{
    return at.level == Level::large ? at.upper->block_epoch : record_at(pages, at.page).block_epoch;
}

bool unassigned(Pages const &pages, Place const &at) noexcept
{
    for (std::uint64_t i { 0 }; i < pages_of(at.level); ++i)
        if (owned(record_at(pages, at.page.plus(i))))
            return false;
    return true;
}

void give(TdState const &td, Pages &pages, Place const &at, Entry e) noexcept
{
    for (std::uint64_t i { 0 }; i < pages_of(at.level); ++i) {
        PageRecord r {};
        r.frame = (at.frame + i) & last_frame;
        r.entry = e;
        r.level = r.size = at.level;
        r.type = PageType::reg;
        r.owner = td.id;
        store_record(pages.record(at.page.plus(i)), r);
    }
    if (at.level == Level::large)
        *at.upper = { e, 0 };
}

void change(Pages &pages, Place const &at, Entry e, std::uint64_t block_epoch) noexcept
{
    if (at.level == Level::large) {
        *at.upper = { e, block_epoch };
        if (further(e))
            return; // the pages' own entries are below
    }
    for (std::uint64_t i { 0 }; i < pages_of(at.level); ++i) {
        auto r { record_at(pages, at.page.plus(i)) };
        r.entry = e;
        r.block_epoch = block_epoch & last_epoch;
        store_record(pages.record(at.page.plus(i)), r);
    }
}

void take(Pages &pages, Place const &at) noexcept
{
    for (std::uint64_t i { 0 }; i < pages_of(at.level); ++i)
        pages.record(at.page.plus(i)) = {};
    if (at.level == Level::large)
        *at.upper = {};
}

} // namespace gmem::platform::tdx
