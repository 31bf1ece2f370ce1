#include "platform/snp/prepare.hpp"

#include "platform/snp/host_instructions.hpp"

namespace gmem::platform::snp {
namespace {

bool all_free(Rmp const &rmp, PageRange r) noexcept
{
    for (auto p { r.first() }; p < r.last(); p = p.plus(1))
        if (!(rmp.at(p) == RmpEntry {}))
            return false;
    return true;
}

// The page is never the guest's again, nor the file's: the file has another one in its place, which is new.
void leak(Rmp const &rmp, PageNo p) noexcept
{
    rmp.store_encrypted(p, {});
    __builtin_memset(rmp.bytes(p), 0, page_size);
}

} // namespace

Status prepare(Pages const &pages, PageNo p, std::uint64_t frame, PageSize largest) noexcept
{
    Rmp const rmp { pages };
    if (!rmp.has(p))
        return Error::with_errno(ENOENT, "snp.prepare: no RMP entry");
    if (rmp.at(p).assigned)
        return Ok {};
    auto const asid { pages.vm->id };
    auto const group { rmp.around(p) };
    auto const inside { p.index() - group.first().index() };
    if (largest == PageSize::large && frame >= inside && all_free(rmp, group)
        && rmpupdate(rmp, group.first(), NewState::guests(asid, frame - inside, false, PageSize::large)) == Eax::success)
        return Ok {};
    if (rmpupdate(rmp, p, NewState::guests(asid, frame, false)) != Eax::success)
        return Error::with_errno(EINVAL, "snp.prepare: RMPUPDATE");
    return Ok {};
}

namespace {

bool inside(PageRange part, PageRange r) noexcept { return r.first() <= part.first() && part.last() <= r.last(); }

// Wiped and the host's, without a detour through ciphertext that nobody will read. False: not the host's to change.
bool wipe(Rmp const &rmp, PageRange run) noexcept
{
    for (auto p { run.first() }; p < run.last(); p = p.plus(1))
        if (rmp.at(p).immutable || rmp.at(p).lock)
            return false;
    for (auto p { run.first() }; p < run.last(); p = p.plus(1)) {
        if (rmp.of_this_guest(rmp.at(p)))
            __builtin_memset(rmp.bytes(p), 0, page_size);
        rmp.store_encrypted(p, {});
    }
    return true;
}

template <typename Free>
std::uint64_t give_back(Rmp const &rmp, PageRange r, Free &&free) noexcept
{
    std::uint64_t leaked { 0 };
    for (auto p { r.first() }; p < r.last();) {
        auto const e { rmp.at(p) };
        auto run { e.large ? rmp.around(p) : PageRange::one(p) };
        if (!inside(run, r) && psmash(rmp, run.first()) == Eax::success)
            run = PageRange::one(p);
        // A 2 MiB entry that would not split is lost whole.
        if (e.assigned && (!inside(run, r) || !free(run)))
            for (auto q { run.first() }; q < run.last(); q = q.plus(1)) {
                leak(rmp, q);
                ++leaked;
            }
        p = run.last();
    }
    return leaked;
}

} // namespace

std::uint64_t make_shared(Pages const &pages, PageRange r) noexcept
{
    Rmp const rmp { pages };
    return give_back(rmp, r, [&rmp](PageRange run) noexcept {
        return rmpupdate(rmp, run.first(), NewState::shared(run.pages() == 1 ? PageSize::small : PageSize::large)) == Eax::success;
    });
}

std::uint64_t reclaim(Pages const &pages, PageRange r) noexcept
{
    Rmp const rmp { pages };
    return give_back(rmp, r, [&rmp](PageRange run) noexcept { return wipe(rmp, run); });
}

} // namespace gmem::platform::snp
