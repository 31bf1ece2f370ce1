#include "memory/trusted_side.hpp"

#include "os/kill_points.hpp"

namespace gmem::memory {

platform::Pages TrustedSide::pages() const noexcept
{
    return { .bytes = reinterpret_cast<std::byte *>(file_.view()), .records = file_.control().records(), .count = file_.pages(), .vm = &file_.header().vm,
        .first_physical = file_.first_physical(), .cipher = file_.cipher() };
}

// The frames that a platform's rules speak of are those of the file: a guest's requests are recorded so (vm_requests.cpp).
Status TrustedSide::veto(PageRange r, Attribute to) const noexcept
{
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

void TrustedSide::reclaim(PageRange r) noexcept
{
    if (!platform_.keeps_records())
        return;
    auto trusted { pages() };
    for_each_held_run(r, [&](PageRange run) noexcept {
        platform_.reclaim(trusted, run);
        file_.control().held().set(run, false);
    });
}

Status TrustedSide::make_private(PageNo p, std::uint64_t frame, GuestMemory::Accepts who) noexcept
{
    if (!platform_.keeps_records())
        return Ok {};
    auto const one { PageRange::one(p) };
    GMEM_CHECK(stage(one));
    auto trusted { pages() };
    auto const made { platform_.make_private(trusted, p, frame) };
    if (made && who == GuestMemory::Accepts::gmem)
        platform_.accept(trusted, p, frame);
    settle(one);
    return made;
}

void TrustedSide::unmap(PageRange r, std::uint64_t first_frame) noexcept
{
    if (!platform_.keeps_records())
        return;
    auto trusted { pages() };
    for_each_held_run(r, [&](PageRange run) noexcept {
        for (auto p { run.first() }; p < run.last(); p = p.plus(1))
            platform_.unmap(trusted, p, first_frame + (p.index() - r.first().index()));
        settle(run);
    });
}

Status TrustedSide::stage(PageRange r) noexcept
{
    if (!platform_.keeps_records())
        return Ok {};
    return file_.control().stage_records(r);
}

void TrustedSide::settle(PageRange r) noexcept
{
    if (!platform_.keeps_records())
        return;
    auto held { file_.control().held() };
    for (auto p { r.first() }; p < r.last(); p = p.plus(1))
        if (bool const now { platform_.held(file_.control().records()[p.index()]) }; now != held.test(p))
            held.set(PageRange::one(p), now);
}

platform::HostVerdict TrustedSide::host_access(PageNo p, platform::Access a) const noexcept
{
    if (!platform_.keeps_records() || !file_.control().held().test(p))
        return {};
    return platform_.host_access(pages(), p, a);
}

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
