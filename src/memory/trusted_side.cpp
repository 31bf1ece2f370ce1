#include "memory/trusted_side.hpp"

#include "memory/file_data.hpp"
#include "observe/recording.hpp"
#include "os/kill_points.hpp"

#include <algorithm>

namespace gmem::memory {

platform::Pages TrustedSide::pages() const noexcept
{
    return { .bytes = reinterpret_cast<std::byte *>(file_.view()), .records = file_.control().records(), .count = file_.pages(), .vm = &file_.header().vm,
        .first_physical = file_.first_physical(), .cipher = file_.cipher() };
}

// The frames that a platform's rules speak of are those of the file: a guest's requests are recorded so (GuestMemory::guest_asks).
Status TrustedSide::veto(PageRange r, Attribute to) const noexcept
{
    if (!platform_.keeps_records())
        return Ok {};
    auto refused { platform_.veto(pages(), r, to, r.first().index()) };
    if (refused)
        return refused;
    auto e { refused.error() };
    e.at = r.offset();
    return e;
}

template <typename Visit>
void TrustedSide::for_each_held_run(PageRange r, Visit &&visit) noexcept
{
    auto held { file_.control().held() };
    for (auto at { r.first() }; at < r.last();) {
        auto const run { held.next_run(at, r.last(), true) };
        if (!run)
            return;
        visit(*run);
        at = run->last();
    }
}

void TrustedSide::make_shared(PageRange r) noexcept
{
    if (!platform_.keeps_records())
        return;
    auto trusted { pages() };
    for_each_held_run(r, [&](PageRange run) noexcept {
        platform_.make_shared(trusted, run);
        os::kill_point("platform.made_shared");
        file_.control().held().set(run, false);
    });
}

platform::Solicited TrustedSide::solicited(PageRange r, Attribute to) const noexcept
{
    return platform_.keeps_records() ? platform_.solicited(pages(), r, to) : platform::Solicited::yes;
}

void TrustedSide::converted(PageRange r, Attribute to, platform::Solicited asked) noexcept
{
    if (!platform_.keeps_records())
        return;
    auto trusted { pages() };
    platform_.converted(trusted, r, to, asked);
}

// Records that were never written have no memory, and must not get any by being looked at.
template <typename Visit>
void TrustedSide::for_each_known_run(PageRange r, Visit &&visit) noexcept
{
    auto const base { raw(file_.control().records_in_file()) };
    constexpr auto size { sizeof(platform::Record) };
    auto const limit { base + r.last().index() * size };
    for (auto at { base + r.first().index() * size }; at < limit;) {
        auto const data { next_data(file_, at, limit) };
        if (!data)
            return;
        auto const run { PageRange::make(PageNo { (data->begin - base) / size }, PageNo { (data->end - base) / size }) };
        if (run)
            visit(*run);
        at = data->end;
    }
}

// Not the held pages alone: the platform may remember a page that it does not hold (pKVM: a poisoned one), and the page that comes in its place is a new one.
void TrustedSide::reclaim(PageRange r) noexcept
{
    if (!platform_.keeps_records())
        return;
    auto trusted { pages() };
    for_each_known_run(r, [&](PageRange run) noexcept {
        file_.control().begin_settling(run);
        platform_.reclaim(trusted, run);
        os::kill_point("platform.reclaimed");
        settle(run);
    });
}

Status TrustedSide::make_private(PageNo p, std::uint64_t frame, GuestMemory::Accepts who) noexcept
{
    if (!platform_.keeps_records())
        return Ok {};
    bool const first { !file_.control().held().test(p) };
    auto const one { PageRange::one(p) };
    GMEM_CHECK(stage(one));
    auto trusted { pages() };
    auto const made { platform_.make_private(trusted, p, frame) };
    os::kill_point("platform.made_private");
    if (made && who == GuestMemory::Accepts::gmem)
        platform_.accept(trusted, p, frame);
    settle(one);
    if (first || !made)
        (void)observe::note(observe::Kind::guest_access, { .result = observe::result_of(made), .file = file_.facts().inode, .offset = raw(p.to_bytes()), .size = page_size, .more = { frame << page_bits } });
    return made;
}

void TrustedSide::unmap(PageRange r, std::uint64_t first_frame) noexcept
{
    if (!platform_.keeps_records())
        return;
    auto trusted { pages() };
    for_each_held_run(r, [&](PageRange run) noexcept {
        file_.control().begin_settling(run);
        for (auto p { run.first() }; p < run.last(); p = p.plus(1))
            platform_.unmap(trusted, p, first_frame + (p.index() - r.first().index()));
        os::kill_point("platform.unmapped");
        settle(run);
    });
}

Status TrustedSide::stage(PageRange r) noexcept
{
    if (!platform_.keeps_records())
        return Ok {};
    GMEM_CHECK(file_.control().stage_records(r));
    file_.control().begin_settling(r);
    return Ok {};
}

void TrustedSide::settle(PageRange r) noexcept
{
    if (!platform_.keeps_records())
        return;
    auto held { file_.control().held() };
    for (auto p { r.first() }; p < r.last(); p = p.plus(1))
        if (bool const now { platform_.held(file_.control().records()[p.index()]) }; now != held.test(p))
            held.set(PageRange::one(p), now);
    file_.control().settled();
}

bool TrustedSide::knows(PageNo p) const noexcept
{
    if (!platform_.keeps_records())
        return false;
    auto const at { raw(file_.control().records_in_file()) + p.index() * sizeof(platform::Record) };
    return file_.control().held().test(p) || next_data(file_, at, at + sizeof(platform::Record));
}

// Also of pages that are the host's again: what the platform left in them may be poisoned.
platform::HostVerdict TrustedSide::host_access(PageNo p, platform::Access a) const noexcept { return knows(p) ? platform_.host_access(pages(), p, a) : platform::HostVerdict {}; }

char const *TrustedSide::state_name(PageNo p) const noexcept { return platform_.state_name(knows(p) ? file_.control().records()[p.index()] : platform::Record {}); }

char const *TrustedSide::audit() const noexcept
{
    if (!platform_.keeps_records())
        return nullptr;
    auto const held { file_.control().held() };
    if (auto const *const broken { held.audit() })
        return broken;
    auto const *const records { file_.control().records() };
    for (auto at { PageNo { 0 } }; at < file_.pages();) {
        auto const run { held.next_run(at, file_.pages(), true) };
        if (!run)
            break;
        for (auto p { run->first() }; p < run->last(); p = p.plus(1)) {
            if (!platform_.held(records[p.index()]))
                return "S1: a page counts as held and is the host's";
            if (file_.at(p) != Attribute::private_)
                return "S3: a shared page is held by the platform";
            if (auto const *const broken { platform_.audit(records[p.index()]) })
                return broken;
        }
        at = run->last();
    }
    return nullptr;
}

} // namespace gmem::memory
