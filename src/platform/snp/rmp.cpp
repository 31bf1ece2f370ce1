#include "platform/snp/rmp.hpp"

namespace gmem::platform::snp {

bool Rmp::of_this_guest(RmpEntry const &e) const noexcept
{
    auto const state { state_of(e) };
    return state && row_of(*state).bytes == StateRow::Bytes::the_guests && e.asid == pages_.vm->id;
}

std::optional<PageRange> Rmp::named(PageNo p, PageSize size) const noexcept
{
    if (!has(p) || pages_.physical(p) % pages_in(size) != 0 || pages_.count.index() - p.index() < pages_in(size))
        return std::nullopt;
    return PageRange::make(p, p.plus(pages_in(size)));
}

PageRange Rmp::around(PageNo p) const noexcept
{
    auto const inside { pages_.physical(p) % pages_per_large };
    auto const first { p.index() < inside ? 0 : p.index() - inside };
    auto const last { p.index() + (pages_per_large - inside) };
    return *PageRange::make(PageNo { first }, PageNo { last < pages_.count.index() ? last : pages_.count.index() });
}

void Rmp::store(PageNo p, RmpEntry const &e) const noexcept
{
    auto const was { of_this_guest(at(p)) }, is { of_this_guest(e) };
    if (was != is) {
        auto const &crypto { *crypto::primitives() };
        (is ? crypto.decrypt_page : crypto.encrypt_page)(pages_.cipher, pages_.physical(p), pages_.page(p));
    }
    store_record(pages_.record(p), e);
}

void Rmp::store_all(PageRange r, RmpEntry e) const noexcept
{
    for (auto p { r.first() }; p < r.last(); p = p.plus(1)) {
        store(p, e);
        e.frame += e.asid != 0;
    }
}

char const *Rmp::audit(PageNo p) const noexcept
{
    auto const e { at(p) };
    if (auto const *broken { snp::audit(e) })
        return broken;
    if (!e.large)
        return nullptr;
    auto const group { around(p) };
    auto expected { at(group.first()) };
    if (group.pages() != pages_per_large || expected.frame % pages_per_large != 0)
        return "R6: a 2 MiB entry that is not aligned";
    for (auto q { group.first() }; q < group.last(); q = q.plus(1)) {
        if (!(at(q) == expected))
            return "R6: the pages of a 2 MiB entry differ";
        expected.frame += expected.asid != 0;
    }
    return nullptr;
}

} // namespace gmem::platform::snp
