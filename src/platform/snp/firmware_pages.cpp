#include "platform/snp/firmware_pages.hpp"

#include "platform/snp/transitions.hpp"

namespace gmem::platform::snp {

Firmware page_reclaim(Rmp const &rmp, PageNo p, PageSize size) noexcept
{
    auto const r { rmp.named(p, size) };
    if (!r)
        return Firmware::invalid_address;
    auto const e { rmp.at(p) };
    if (e.assigned && e.page_size() != size)
        return Firmware::invalid_page_size;
    auto const state { state_of(e) };
    if (!state || !next(*state, Event::page_reclaim))
        return Firmware::invalid_page_state;
    if (e.immutable)
        for (auto q { r->first() }; q < r->last(); q = q.plus(1)) {
            auto mutable_again { rmp.at(q) };
            mutable_again.immutable = false;
            rmp.store(q, mutable_again);
        }
    return Firmware::success;
}

Firmware page_unsmash(Rmp const &rmp, PageNo p) noexcept
{
    auto const r { rmp.named(p, PageSize::large) };
    if (!r)
        return Firmware::invalid_address;
    auto expected { rmp.at(p) };
    if (expected.large)
        return Firmware::invalid_page_size;
    if (!expected.assigned || expected.vmsa)
        return Firmware::invalid_page_state;
    if (expected.frame % pages_per_large != 0)
        return Firmware::invalid_address;
    for (auto q { r->first() }; q < r->last(); q = q.plus(1)) {
        if (!(rmp.at(q) == expected))
            return Firmware::invalid_page_state;
        expected.frame += expected.asid != 0;
    }
    for (auto q { r->first() }; q < r->last(); q = q.plus(1)) {
        auto e { rmp.at(q) };
        e.large = true;
        rmp.store(q, e);
    }
    return Firmware::success;
}

} // namespace gmem::platform::snp
