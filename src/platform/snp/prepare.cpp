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

std::uint64_t make_shared(Pages const &pages, PageRange r) noexcept
{
    Rmp const rmp { pages };
    std::uint64_t leaked { 0 };
    for (auto p { r.first() }; p < r.last();) {
        auto const e { rmp.at(p) };
        auto size { e.page_size() };
        auto const group { rmp.around(p) };
        if (e.large && (group.first() < r.first() || r.last() < group.last()))
            if (psmash(rmp, group.first()) == Eax::success)
                size = PageSize::small;
        if (e.assigned && rmpupdate(rmp, p, NewState::shared(size)) != Eax::success) {
            // A 2 MiB entry that would not split is lost whole.
            auto const lost { size == PageSize::large ? group : PageRange::one(p) };
            for (auto q { lost.first() }; q < lost.last(); q = q.plus(1)) {
                leak(rmp, q);
                ++leaked;
            }
        }
        p = size == PageSize::large ? group.last() : p.plus(1);
    }
    return leaked;
}

} // namespace gmem::platform::snp
