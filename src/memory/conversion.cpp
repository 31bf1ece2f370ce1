// A conversion is a transaction with one point of no return (guest_memfd specification 2.2, steps 11 to 15). Read it aloud: it is
// the specification.

#include "memory/contents.hpp"
#include "memory/gate.hpp"
#include "memory/guest_memory.hpp"
#include "memory/holds.hpp"
#include "memory/injected.hpp"
#include "memory/peers.hpp"
#include "memory/huge_pages.hpp"
#include "memory/process.hpp"
#include "memory/silent_process.hpp"
#include "memory/space.hpp"
#include "memory/trusted_side.hpp"
#include "os/kill_points.hpp"
#include "os/signals.hpp"
#include "platform/profile.hpp"

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

void open_shared_runs(GuestMemory &file, PageRange r) noexcept GMEM_REQUIRES(Space::lock(), file.header().lock)
{
    (void)for_each_window(file, r, [&file](Window &w, PageRange part) GMEM_NO_THREAD_SAFETY noexcept -> Status {
        file.open_shared(w, part, Process::opening());
        return Ok {};
    });
}

void note_effect(observe::Recording &event, platform::ContentEffect effect) noexcept
{
    if (event) [[unlikely]]
        event->more[2] = static_cast<std::uint64_t>(effect);
}

void note_failure(observe::Recording &event, Error const &e) noexcept
{
    if (!event) [[likely]]
        return;
    event->at = e.at ? raw(*e.at) : 0;
    event->more[3] = static_cast<std::uint64_t>(e.why);
    event.write(-e.err);
}

} // namespace

Status GuestMemory::convert(PageRange r, Attribute to, platform::ContentMode mode, observe::Recording &event) noexcept
{
    injected::delay(*this, r, to);
    if (to == Attribute::shared)
        return convert_once(r, to, mode, event);
    // Nobody tells us what a pipe has passed on: we look before the pins are asked, and again before the answer is no.
    Holds::settle();
    auto result { convert_once(r, to, mode, event) };
    os::kill_point("convert.unlocked");
    if (result || result.error().why != Why::page_in_use || result.error().site == injected::refusal_site || Holds::settle() == 0)
        return result;
    if (event) [[unlikely]] {
        event.withdraw();
        event->at = event->more[3] = 0;
    }
    return convert_once(r, to, mode, event);
}

// Its place in the log an event takes under the file's lock: so the log has them in the order of their effects.
Status GuestMemory::convert_once(PageRange r, Attribute to, platform::ContentMode mode, observe::Recording &event) noexcept
{
    os::SignalsBlocked blocked;
    // Only a conversion to private has a word for "somebody else is at it and does not go on".
    FileLocked const guard { *this, to == Attribute::private_ ? FileLocked::Patience::bounded : FileLocked::Patience::endless };
    if (!guard) {
        auto e { guard.error() };
        figures_.count_refused(e.err);
        e.at = r.offset();
        note_failure(event, e);
        return e;
    }
    auto const result { convert_locked(r, to, mode, event) };
    if (!result) {
        count(header().counters.conversions_failed);
        figures_.count_refused(result.error().err);
        note_failure(event, result.error());
    } else {
        event.write(0); // where it was written already, this is nothing
    }
    return result;
}

Status GuestMemory::convert_locked(PageRange r, Attribute to, platform::ContentMode mode, observe::Recording &event) noexcept
{
    auto const profile { platform::Profile::current() };
    auto const &vm { header().vm };
    auto const decision { platform::decide(profile.uapi, vm.kind, to, mode, vm.phase.load(std::memory_order_acquire)) };
    if (decision.err != 0)
        return Error { Why::platform_refused, decision.err, r.offset(), "convert.mode" };
    if (!attributes().first_differing(r, to)) { // already so: no staging, no hooks, no zap
        count(header().counters.conversions_unchanged);
        if (auto *const e { figures_.entry() }) [[unlikely]]
            observe::add(e->unchanged, 1);
        if (profile.applies_to_unchanged) {
            note_effect(event, decision.effect);
            apply_to_contents(*this, r, decision.effect, "a conversion");
        }
        return Ok {};
    }
    GMEM_CHECK(injected::refusal(*this, r, to));
    GMEM_CHECK(control_.stage(r)); // 1. memory
    os::kill_point("convert.staged");
    GMEM_CHECK(TrustedSide { *this }.veto(r, to)); // 2. the trusted side
    CountedConversion counted { *this, r, to, event ? event->time : 0 };
    return to == Attribute::private_ ? to_private_locked(r, decision.effect, event, counted) : to_shared_locked(r, decision.effect, event, counted);
}

Status GuestMemory::to_private_locked(PageRange r, platform::ContentEffect effect, observe::Recording &event, CountedConversion &counted) noexcept
{
    // 3. No window of any process may reach the range, so that no new host reference can appear after the question of step 4. This
    //    is the one effect that a failed conversion may have; here it is undone below, elsewhere recovery does it.
    auto closed { close_everywhere(r) };
    os::kill_point("convert.closed");
    auto const refused { closed ? unused_locked(r) : std::move(closed) }; // 4. nobody else holds a page
    if (!refused) {
        os::Locked space { Space::lock() };
        open_shared_runs(*this, r);
        return refused.error();
    }

    // Point of no return. The trusted side hears of it when the guest first uses a page.
    TrustedSide trusted { *this };
    auto const asked { trusted.solicited(r, Attribute::private_) };
    static_assert(noexcept(control_.begin_commit(r, Attribute::private_, effect, asked)) && noexcept(apply_to_contents(*this, r, effect, "")) && noexcept(control_.commit()));
    counted.at(2);
    counted.look();
    control_.begin_commit(r, Attribute::private_, effect, asked);
    apply_to_contents(*this, r, effect, "a conversion to private");
    note_effect(event, effect);
    event.write(0); // before the journal goes: whoever is killed earlier leaves it to another to finish the conversion, and to tell
    os::kill_point("convert.told");
    counted.at(3);
    control_.commit();
    counted.done();
    trusted.converted(r, Attribute::private_, asked);
    injected::poison(*this, r);
    control_.concluded();
    count(header().counters.conversions_to_private);
    return Ok {};
}

Status GuestMemory::to_shared_locked(PageRange r, platform::ContentEffect effect, observe::Recording &event, CountedConversion &counted) noexcept
{
    // A guest must not write to what is being turned into what the host will read.
    if (guest_is_gated())
        GMEM_CHECK(close_to_guest(r));
    os::Locked space { Space::lock() };
    GMEM_CHECK(for_each_window(*this, r, [](Window &w, PageRange part) noexcept { return gate::can_open(w, part); }));

    // Point of no return. Contents leave the trusted side before anything of the host can look. The windows of other processes stay closed:
    // recovery opens what is touched there.
    TrustedSide trusted { *this };
    static_assert(noexcept(trusted.make_shared(r)) && noexcept(control_.commit()));
    auto const asked { trusted.solicited(r, Attribute::shared) };
    counted.look();
    control_.begin_commit(r, Attribute::shared, effect, asked);
    trusted.make_shared(r);
    counted.at(2);
    apply_to_contents(*this, r, effect, "a conversion to shared");
    note_effect(event, effect);
    event.write(0);
    counted.at(3);
    control_.commit();
    counted.done();
    trusted.converted(r, Attribute::shared, asked);
    control_.concluded();
    injected::poison(*this, r);
    os::kill_point("convert.committed");
    count(header().counters.conversions_to_shared);
    open_shared_runs(*this, r);
    return Ok {};
}

// Only the VM's process has the guest's window: when it does not answer none of its vCPUs runs either. What was closed in vain comes back when it is
// touched.
Status GuestMemory::close_to_guest(PageRange r) noexcept
{
    if (!control_.held().first_with(r, true))
        return Ok {};
    auto closed { close_everywhere(r) };
    return closed || closed.error().why != Why::no_memory ? Status { Ok {} } : std::move(closed);
}

// Other processes are asked first and awaited last: while they close theirs we close ours. Space::lock() is not held while waiting,
// for their agents may want it for a question of ours.
Status GuestMemory::close_everywhere(PageRange r) noexcept
{
    Peers peers { control_.slots(), header().attached, static_cast<unsigned>(agent_.slot()), r };
    injected::kill_peer(*this, peers, r);
    if (!peers.none())
        peers.ask();
    os::kill_point("convert.asked");
    auto own { [&]() noexcept -> Status {
        os::Locked space { Space::lock() };
        return for_each_window(*this, r, [](Window &w, PageRange part) noexcept { return gate::close(w, part); });
    }() };
    if (peers.none())
        return own;
    switch (peers.wait(Process::peer_timeout())) {
    case Peers::Answer::closed:
        return own;
    case Peers::Answer::silent:
        report_silent_process(facts_.inode, peers.culprit(), "has not closed its windows", Process::peer_timeout());
        return Error::at_page(Why::page_in_use, r.first(), "convert.silent_peer");
    case Peers::Answer::failed:
        return Error::at_page(Why::no_memory, r.first(), "convert.peer_failed");
    }
    __builtin_unreachable();
}

Status GuestMemory::unused_locked(PageRange r) noexcept
{
    if (auto const held { control_.pins().first_held(r, control_.slots()) })
        return Error::at_page(Why::page_in_use, held->page, "convert.pinned");
    return Ok {};
}

void GuestMemory::open_shared(Window &w, PageRange part, Opening how) noexcept
{
    auto const end { part.last() < pages_ ? part.last() : pages_ };
    for (auto at { part.first() }; at < end;) {
        auto const run { next_run_to_open(at, end) };
        if (!run)
            return;
        attach();
        gate::open(w, *run, how);
        at = run->last();
    }
}

Status GuestMemory::reopen(Window &w, PageNo p) noexcept
{
    attach();
    count(header().counters.recoveries);
    if (auto *const e { figures_.entry() })
        observe::add(e->recoveries, 1);
    auto reopened { [&]() GMEM_NO_THREAD_SAFETY noexcept -> Status {
        if (has_huge_pages())
            GMEM_CHECK(HugePages { *this }.open_extent(w, p));
        return gate::reopen(w, p);
    }() };
    (void)observe::note(observe::Kind::recover, { .result = observe::result_of(reopened), .file = facts_.inode, .offset = raw(p.to_bytes()), .size = page_size });
    return reopened;
}

} // namespace gmem::memory
