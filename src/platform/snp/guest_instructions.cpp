#include "platform/snp/guest_instructions.hpp"

#include "platform/snp/transitions.hpp"

namespace gmem::platform::snp {
namespace {

constexpr Executed refused(Eax eax) noexcept { return { .eax = eax }; }

// What both instructions ask of the page. nullopt: go on.
std::optional<Executed> refusal(Rmp const &rmp, PageRange r, Executes const &by, PageSize size) noexcept
{
    auto const e { rmp.at(r.first()) };
    if (auto const fault { ownership_check(e, by.asid, by.frame) }; fault.what != Fault::What::none)
        return Executed { .fault = fault };
    if (size == PageSize::small && e.large)
        return Executed { .fault = { Fault::What::nested_page_fault, error_bit::rmp | error_bit::guest_enc | error_bit::guest_sizem } };
    if (size == PageSize::large && !e.large)
        return refused(Eax::fail_sizemismatch);
    // A large page in the nested page table over a 4 KiB entry is a mismatch for any access.
    if (by.mapping == PageSize::large && !e.large)
        return Executed { .fault = { Fault::What::nested_page_fault, error_bit::rmp | error_bit::guest_enc | error_bit::guest_sizem } };
    return std::nullopt;
}

} // namespace

Executed pvalidate(Rmp const &rmp, PageNo p, Executes const &by, PageSize size, Validate to) noexcept
{
    if (by.vmpl != 0)
        return { .fault = { Fault::What::general_protection, 0 } };
    auto const r { rmp.named(p, size) };
    if (!r || by.frame % pages_in(size) != 0)
        return refused(Eax::fail_input);
    if (auto const no { refusal(rmp, *r, by, size) })
        return *no;
    auto const state { state_of(rmp.at(p)) };
    auto const after { state ? next(*state, to == Validate::validate ? Event::validate : Event::rescind) : std::nullopt };
    if (!after)
        return refused(Eax::fail_input);
    if (*after == *state)
        return { .carry = true };
    for (auto q { r->first() }; q < r->last(); q = q.plus(1)) {
        auto e { rmp.at(q) };
        e.validated = to == Validate::validate;
        rmp.store(q, e);
    }
    return {};
}

Executed rmpadjust(Rmp const &rmp, PageNo p, Executes const &by, PageSize size, Adjustment const &to) noexcept
{
    auto const r { rmp.named(p, size) };
    if (!r || by.frame % pages_in(size) != 0 || by.vmpl >= privilege_levels || to.target_vmpl >= privilege_levels
        || (to.permissions & ~permission::all) != 0 || (to.vmsa && size == PageSize::large))
        return refused(Eax::fail_input);
    if (to.target_vmpl <= by.vmpl || (to.vmsa && by.vmpl != 0))
        return refused(Eax::fail_permission);
    if (auto const no { refusal(rmp, *r, by, size) })
        return *no;
    auto const first { rmp.at(p) };
    if (!first.validated)
        return { .fault = { Fault::What::vmm_communication, vc_page_not_validated } };
    if ((to.permissions & ~first.permissions[by.vmpl]) != 0)
        return refused(Eax::fail_permission);
    for (auto q { r->first() }; q < r->last(); q = q.plus(1)) {
        auto e { rmp.at(q) };
        e.permissions[to.target_vmpl] = to.permissions;
        if (by.vmpl == 0) // assumption: a lower level leaves the bit alone
            e.vmsa = to.vmsa;
        rmp.store(q, e);
    }
    return {};
}

} // namespace gmem::platform::snp
