#include "platform/snp/access.hpp"

namespace gmem::platform::snp {
namespace {

using What = Fault::What;

bool any_assigned(Rmp const &rmp, PageNo p, PageSize mapping) noexcept
{
    auto const r { mapping == PageSize::large ? rmp.around(p) : PageRange::one(p) };
    for (auto q { r.first() }; q < r.last(); q = q.plus(1))
        if (rmp.at(q).assigned)
            return true;
    return false;
}

bool foreign(RmpEntry const &e, std::uint16_t asid, std::uint64_t frame) noexcept { return !e.assigned || e.asid != asid || e.frame != frame; }

// What a rule of a guest's access looks at.
struct Question final {
    Rmp const &rmp;
    PageNo page;
    RmpEntry entry;
    GuestAccess const &access;
};

// The first row whose condition holds says what happens.
struct Rule final {
    bool (*when)(Question const &) noexcept;
    Fault then;
};

constexpr std::array guest_private_rules {
    Rule { [](Question const &q) noexcept { return foreign(q.entry, q.access.asid, q.access.frame); },
        { What::nested_page_fault, error_bit::rmp | error_bit::guest_enc } },
    Rule { [](Question const &q) noexcept { return q.access.mapping == PageSize::large && !q.entry.large; },
        { What::nested_page_fault, error_bit::rmp | error_bit::guest_enc | error_bit::guest_sizem } },
    Rule { [](Question const &q) noexcept { return !q.entry.validated; }, { What::vmm_communication, vc_page_not_validated } },
    Rule { [](Question const &q) noexcept { return (q.access.rights & ~q.entry.permissions[q.access.vmpl % privilege_levels]) != 0; },
        { What::nested_page_fault, error_bit::rmp | error_bit::guest_enc | error_bit::guest_vmpl } },
};

constexpr std::array guest_shared_rules {
    // assumption: a write through a large mapping is checked against all pages of it, as the host's is.
    Rule { [](Question const &q) noexcept { return (q.access.rights & permission::write) && any_assigned(q.rmp, q.page, q.access.mapping); },
        { What::nested_page_fault, error_bit::rmp } },
    Rule { [](Question const &q) noexcept { return q.rmp.of_this_guest(q.entry); }, { .ciphertext = true } },
};

template <std::size_t n>
Fault first_of(std::array<Rule, n> const &rules, Question const &q) noexcept
{
    for (auto const &rule : rules)
        if (rule.when(q))
            return rule.then;
    return {};
}

} // namespace

Fault host_check(Rmp const &rmp, PageNo p, HostAccess a) noexcept
{
    if (a.access == Access::write && any_assigned(rmp, p, a.mapping))
        return { What::page_fault, error_bit::rmp };
    return { .ciphertext = rmp.of_this_guest(rmp.at(p)) };
}

Fault guest_check(Rmp const &rmp, PageNo p, GuestAccess const &a) noexcept
{
    Question const q { rmp, p, rmp.at(p), a };
    return a.c_bit ? first_of(guest_private_rules, q) : first_of(guest_shared_rules, q);
}

Fault ownership_check(RmpEntry const &e, std::uint16_t asid, std::uint64_t frame) noexcept
{
    if (foreign(e, asid, frame) || e.immutable) // assumption: a page under the firmware is no more reachable than a foreign one
        return { What::nested_page_fault, error_bit::rmp | error_bit::guest_enc };
    return {};
}

} // namespace gmem::platform::snp
