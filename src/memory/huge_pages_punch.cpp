// Punched parts of huge pages: zeroed at once, given back when nothing of the 2 MiB is left.

#include "memory/gate.hpp"
#include "memory/huge_pages.hpp"
#include "memory/process.hpp"
#include "memory/space.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"
#include "os/standstill.hpp"

#include <cstring>
#include <optional>

namespace gmem::memory {
namespace {

bool all_zero(std::byte const *page) noexcept { return page[0] == std::byte { 0 } && std::memcmp(page, page + 1, page_size - 1) == 0; }

} // namespace

Status HugePages::punch(PageRange r) noexcept
{
    for (auto at { r.first() }; at < r.last();) {
        auto const huge { extents().next_huge(at, r.last()) };
        if (auto const before { PageRange::make(at, huge ? huge->first() : r.last()) })
            GMEM_CHECK(punch_small(*before));
        if (!huge)
            break;
        for (at = huge->first(); at < huge->last();) {
            auto const e { *extents().extent_of(at) };
            auto const part { *huge->intersect(ExtentMap::pages_of(e)) };
            GMEM_CHECK(part == ExtentMap::pages_of(e) ? punch_whole(e) : punch_part(e, part));
            at = part.last();
        }
    }
    return Ok {};
}

Status HugePages::punch_small(PageRange r) noexcept GMEM_NO_THREAD_SAFETY { return file_.punch_locked(r); }

// All of it at once: no question who writes to it.
Status HugePages::punch_whole(ExtentNo e) noexcept
{
    if (alone() && close_windows(e)) {
        auto const freed { free_file_pages(e) };
        if (freed)
            extents().unsettle(e);
        else
            open_windows(e);
        return freed;
    }
    GMEM_CHECK(punch_small(ExtentMap::pages_of(e))); // somebody has it open: from now on 4 KiB pages, which come by themselves
    extents().unsettle(e);
    extents().settle(e, ExtentMap::State::small);
    return Ok {};
}

// Through the view: the windows keep their PTEs, open or not, and a private page is zeroed like a shared one.
Status HugePages::punch_part(ExtentNo e, PageRange part) noexcept
{
    if (!file_.stage_extents(part))
        return Error::at_page(Why::no_memory, part.first(), "huge.punch");
    auto const bytes { file_.view_of(part) };
    std::memset(reinterpret_cast<void *>(bytes.begin), 0, bytes.length());
    extents().hold(part);
    if (extents().all_held(e))
        give_back_if_empty(e);
    return Ok {};
}

// Held pages may have been written since they were punched, by the guest too. So nobody may write while they are looked at and
// freed: windows are closed, and the view stands still. A file without a VM is written through the library only, under the lock.
void HugePages::give_back_if_empty(ExtentNo e) noexcept
{
    if (!alone() || !file_.gives_back())
        return;
    std::optional<os::Standstill> still;
    if (file_.owner() != Owner {}) {
        auto stopped { os::Standstill::of(file_.view_of(ExtentMap::pages_of(e))) };
        if (!stopped) // not allowed here: the memory stays held until the extent is punched in one call
            return;
        still.emplace(std::move(stopped).take());
    }
    if (!close_windows(e))
        return;
    if (!release_what_was_written(e) && free_file_pages(e))
        extents().unsettle(e); // the next touch makes a huge page of it again
    else
        open_windows(e);
}

// True when there was something. Looks through a mapping of its own: the view may be standing still.
bool HugePages::release_what_was_written(ExtentNo e) noexcept
{
    auto const pages { ExtentMap::pages_of(e) };
    auto const looked { os::map_hidden(file_.own_copy(), file_.file(), 0, raw(pages.length()), PROT_READ, 0, pages.offset()) };
    if (!looked)
        return true;
    bool found { false };
    auto const begin { looked.value() };
    for (std::uint64_t i { 0 }; i < pages.pages(); ++i)
        if (!all_zero(reinterpret_cast<std::byte const *>(begin + (i << page_bits)))) {
            auto const page { PageRange::one(pages.first().plus(i)) };
            found = true;
            if (file_.stage_extents(page))
                extents().release(page);
        }
    os::unmap({ begin, begin + raw(pages.length()) });
    return found;
}

bool HugePages::alone() const noexcept GMEM_NO_THREAD_SAFETY { return file_.alone(); }

bool HugePages::close_windows(ExtentNo e) noexcept GMEM_NO_THREAD_SAFETY
{
    for (auto &w : Space::table().all())
        if (auto const part { w.file == &file_ ? ExtentMap::pages_of(e).intersect(w.pages()) : std::nullopt })
            if (!gate::close(w, *part)) {
                open_windows(e);
                return false;
            }
    return true;
}

void HugePages::open_windows(ExtentNo e) noexcept GMEM_NO_THREAD_SAFETY
{
    for (auto &w : Space::table().all())
        if (auto const part { w.file == &file_ ? ExtentMap::pages_of(e).intersect(w.pages()) : std::nullopt })
            for (auto at { part->first() }; at < part->last();) {
                auto const run { file_.attributes().next_run(at, part->last(), Attribute::shared) };
                if (!run)
                    break;
                file_.attach();
                gate::open(w, *run, Process::opening());
                at = run->last();
            }
}

Status HugePages::free_file_pages(ExtentNo e) noexcept
{
    auto const pages { ExtentMap::pages_of(e) };
    return allocate_in_file(file_.file(), os::falloc_keep_size | os::falloc_punch_hole, pages.offset(), pages.length());
}

} // namespace gmem::memory
