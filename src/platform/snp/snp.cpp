#include "platform/snp/snp.hpp"

#include "platform/snp/access.hpp"
#include "platform/snp/guest_instructions.hpp"
#include "platform/snp/prepare.hpp"

namespace gmem::platform {
namespace {

using namespace snp;

// What an exit of the guest says, by the bits of its error code.
constexpr GuestVerdict verdict_of(Fault f) noexcept
{
    using enum GuestVerdict::What;
    switch (f.what) {
    case Fault::What::none:
        return { f.ciphertext ? ciphertext : plain };
    case Fault::What::vmm_communication:
        return { guest_exception, "#VC 0x404 (PAGE_NOT_VALIDATED)" };
    case Fault::What::general_protection:
        return { guest_exception, "#GP" };
    case Fault::What::page_fault:
    case Fault::What::nested_page_fault: // KVM splits a large entry, or takes the fault for spurious, and resumes
        break;
    }
    if (f.code & error_bit::guest_sizem)
        return { retry, "#NPF with RMP, ENC and SIZEM" };
    if (f.code & error_bit::guest_vmpl)
        return { retry, "#NPF with RMP, ENC and VMPL" };
    return { retry, f.code & error_bit::guest_enc ? "#NPF with RMP and ENC" : "#NPF with RMP" };
}

} // namespace

void Snp::make_shared(Pages &pages, PageRange r) const noexcept { pages.vm->leaked_pages += snp::make_shared(pages, r); }

Status Snp::make_private(Pages &pages, PageNo p, std::uint64_t frame) const noexcept { return prepare(pages, p, frame); }

void Snp::accept(Pages &pages, PageNo p, std::uint64_t frame) const noexcept
{
    Rmp const rmp { pages };
    Executes const by { .asid = pages.vm->id, .frame = frame };
    auto const first { pvalidate(rmp, p, by, PageSize::small, Validate::validate) };
    if (first.fault.code & error_bit::guest_sizem) {
        psmash(rmp, rmp.around(p).first());
        pvalidate(rmp, p, by, PageSize::small, Validate::validate);
    }
}

void Snp::reclaim(Pages &pages, PageRange r) const noexcept { pages.vm->leaked_pages += snp::reclaim(pages, r); }

bool Snp::held(Record const &r) const noexcept { return record_as<RmpEntry>(r).assigned; }

HostVerdict Snp::host_access(Pages const &pages, PageNo p, Access access) const noexcept
{
    auto const fault { host_check(Rmp { pages }, p, { .access = access }) };
    if (fault.what == Fault::What::none)
        return { .what = fault.ciphertext ? HostVerdict::What::ciphertext : HostVerdict::What::plain };
    return { HostVerdict::What::fault, HostVerdict::Then::host_crash, "#PF with the RMP bit" };
}

GuestVerdict Snp::guest_access(Pages const &pages, PageNo p, std::uint64_t frame, Side side, Access access) const noexcept
{
    return verdict_of(guest_check(Rmp { pages }, p, { .asid = pages.vm->id, .frame = frame, .c_bit = side == Side::private_,
        .rights = access == Access::write ? permission::write : permission::read }));
}

void Snp::read_ciphertext(Pages const &pages, PageNo p, std::byte *out) const noexcept
{
    __builtin_memcpy(out, pages.page(p), page_size);
    Rmp const rmp { pages };
    if (rmp.of_this_guest(rmp.at(p)))
        crypto::primitives()->encrypt_page(pages.cipher, pages.physical(p), out);
}

char const *Snp::state_name(Record const &r) const noexcept
{
    auto const state { state_of(record_as<RmpEntry>(r)) };
    return state ? row_of(*state).name : "none";
}

char const *Snp::audit(Record const &r) const noexcept { return snp::audit(record_as<RmpEntry>(r)); }

} // namespace gmem::platform
