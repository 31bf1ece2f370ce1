// A conversion is a transaction with one point of no return (guest_memfd specification 2.2, steps 11 to 15). Read it aloud: it is
// the specification.

#include "memory/gate.hpp"
#include "memory/guest_memory.hpp"
#include "memory/huge_pages.hpp"
#include "memory/process.hpp"
#include "memory/space.hpp"
#include "os/signals.hpp"

namespace gmem::memory {
namespace {

// Calls `visit(window, part)` for what the windows of this process show of `r`, until one fails.
template <typename Visit>
Status for_each_window(GuestMemory const &file, PageRange r, Visit &&visit) noexcept GMEM_REQUIRES(Space::lock())
{
    for (auto &w : Space::table().all())
        if (w.file == &file)
            if (auto const part { r.intersect(w.pages()) })
                GMEM_CHECK(visit(w, *part));
    return Ok {};
}

// Opens the shared runs of `r` in every window. Cannot fail: what stays closed is recovered when it is touched.
void open_shared_runs(GuestMemory &file, PageRange r) noexcept GMEM_REQUIRES(Space::lock())
{
    (void)for_each_window(file, r, [&file](Window &w, PageRange part) noexcept -> Status {
        for (auto at { part.first() }; at < part.last();) {
            auto const run { file.next_run_to_open(at, part.last()) };
            if (!run)
                break;
            file.attach();
            gate::open(w, *run, Process::opening());
            at = run->last();
        }
        return Ok {};
    });
}

} // namespace

Status GuestMemory::convert(PageRange r, Attribute to) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { header().lock };
    auto const result { convert_locked(r, to) };
    if (!result)
        count(header().counters.conversions_failed);
    return result;
}

Status GuestMemory::convert_locked(PageRange r, Attribute to) noexcept
{
    if (!attributes().first_differing(r, to)) { // already so: no staging, no hooks, no zap
        count(header().counters.conversions_unchanged);
        return Ok {};
    }
    GMEM_CHECK(control_.stage(r));          // 1. memory
    GMEM_CHECK(platform_.veto(r, to));      // 2. the trusted side
    os::Locked space { Space::lock() };
    return to == Attribute::private_ ? to_private_locked(r) : to_shared_locked(r);
}

Status GuestMemory::to_private_locked(PageRange r) noexcept GMEM_NO_THREAD_SAFETY
{
    // 3. No window may reach the range, so that no new host reference can appear after the question of step 4. This is the one
    //    effect that a failed conversion may have; it is undone below.
    auto closed { for_each_window(*this, r, [](Window &w, PageRange part) noexcept { return gate::close(w, part); }) };
    auto const refused { closed ? unused_locked(r) : std::move(closed) }; // 4. nobody else holds a page
    if (!refused) {
        open_shared_runs(*this, r);
        return refused.error();
    }

    // Point of no return.
    static_assert(noexcept(attributes().commit(r, Attribute::private_)));
    attributes().commit(r, Attribute::private_);
    count(header().counters.conversions_to_private);
    return Ok {};
}

Status GuestMemory::to_shared_locked(PageRange r) noexcept GMEM_NO_THREAD_SAFETY
{
    GMEM_CHECK(for_each_window(*this, r, [](Window &w, PageRange part) noexcept { return gate::can_open(w, part); }));

    // Point of no return. Contents leave the trusted side before the host can look.
    static_assert(noexcept(platform_.make_shared(r)) && noexcept(attributes().commit(r, Attribute::shared)));
    platform_.make_shared(r);
    attributes().commit(r, Attribute::shared);
    count(header().counters.conversions_to_shared);
    open_shared_runs(*this, r);
    return Ok {};
}

// Other processes gate their windows by themselves from the next version of the session protocol on. Until then a process
// that may have open pages makes the conversion wait: EAGAIN is what the kernel says of a page that somebody holds.
Status GuestMemory::unused_locked(PageRange r) noexcept
{
    auto const mine { std::uint64_t { 1 } << Process::slot() };
    auto const others { header().attached.load(std::memory_order_acquire) & ~mine };
    if (others == 0)
        return Ok {};
    auto const alive { Process::alive_among(others) };
    header().attached.fetch_and(mine | alive, std::memory_order_acq_rel);
    if (alive)
        return Error::at_page(Why::page_in_use, r.first(), "convert.other_process");
    return Ok {};
}

Status GuestMemory::reopen(Window &w, PageNo p) noexcept
{
    attach();
    count(header().counters.recoveries);
    if (has_huge_pages())
        GMEM_CHECK(HugePages { *this }.open_extent(w, p));
    return gate::reopen(w, p);
}

} // namespace gmem::memory
