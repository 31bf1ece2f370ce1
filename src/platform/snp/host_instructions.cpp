#include "platform/snp/host_instructions.hpp"

#include "platform/snp/transitions.hpp"

namespace gmem::platform::snp {
namespace {

// What RMPUPDATE can be asked for. Anything else is FAIL_INPUT (assumption: the manual's order of its checks is from memory).
struct Request final {
    bool assigned, immutable, with_asid;
    Event event;
};
constexpr std::array requests {
    Request { false, false, false, Event::to_hypervisor },
    Request { true, false, false, Event::to_reclaim },
    Request { true, true, false, Event::to_firmware },
    Request { true, true, true, Event::to_pre_guest },
    Request { true, false, true, Event::to_guest },
};

std::optional<Event> event_of(NewState const &to) noexcept
{
    if (to.asid > most_asid || to.frame > most_frame || to.frame % pages_in(to.size) != 0 || (to.asid == 0 && to.frame != 0))
        return std::nullopt;
    for (auto const &r : requests)
        if (r.assigned == to.assigned && r.immutable == to.immutable && r.with_asid == (to.asid != 0))
            return r.event;
    return std::nullopt;
}

bool any_locked(Rmp const &rmp, PageRange r) noexcept
{
    for (auto p { r.first() }; p < r.last(); p = p.plus(1))
        if (rmp.at(p).lock)
            return true;
    return false;
}

// 4 KiB entries under a 2 MiB request, or the reverse. An immutable page of the hypervisor (HV_FIXED) counts as one in use.
bool overlaps(Rmp const &rmp, PageRange r, PageSize size) noexcept
{
    if (size == PageSize::small)
        return rmp.at(r.first()).large;
    for (auto p { r.first() }; p < r.last(); p = p.plus(1))
        if (auto const e { rmp.at(p) }; !e.large && (e.assigned || e.immutable))
            return true;
    return false;
}

} // namespace

Eax rmpupdate(Rmp const &rmp, PageNo p, NewState const &to) noexcept
{
    auto const event { event_of(to) };
    auto const r { rmp.named(p, to.size) };
    if (!event || !r)
        return Eax::fail_input;
    if (any_locked(rmp, *r))
        return Eax::fail_inuse;
    auto const state { state_of(rmp.at(p)) };
    if (!state || !next(*state, *event))
        return Eax::fail_permission;
    if (overlaps(rmp, *r, to.size))
        return Eax::fail_overlap;
    rmp.store_all(*r, { .frame = to.frame, .asid = to.asid, .permissions = to.asid != 0 ? fresh_permissions : Permissions {},
        .assigned = to.assigned, .large = to.assigned && to.size == PageSize::large, .immutable = to.immutable });
    return Eax::success;
}

Eax psmash(Rmp const &rmp, PageNo p) noexcept
{
    auto const r { rmp.named(p, PageSize::large) };
    if (!r || !rmp.at(p).large)
        return Eax::fail_input;
    if (any_locked(rmp, *r))
        return Eax::fail_inuse;
    if (rmp.at(p).immutable)
        return Eax::fail_permission;
    for (auto q { r->first() }; q < r->last(); q = q.plus(1)) {
        auto e { rmp.at(q) };
        e.large = false;
        rmp.store(q, e);
    }
    return Eax::success;
}

RmpReadResult rmpread(Rmp const &rmp, PageNo p) noexcept
{
    auto const e { rmp.at(p) };
    auto in_use { false };
    auto const around { rmp.around(p) };
    for (auto q { around.first() }; q < around.last() && !in_use; q = q.plus(1))
        in_use = rmp.at(q).assigned && !rmp.at(q).large;
    return { e.frame << page_bits, e.assigned, e.page_size(), in_use, e.immutable, e.asid };
}

} // namespace gmem::platform::snp
