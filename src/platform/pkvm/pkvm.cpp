#include "platform/pkvm/pkvm.hpp"

#include "platform/pkvm/pending.hpp"
#include "platform/pkvm/transitions.hpp"

#include <cerrno>
#include <cstring>

namespace gmem::platform {
namespace {

using namespace pkvm;

PageState state_of(Pages const &pages, PageNo p) noexcept { return record_as<PageState>(pages.record(p)); }

// The calls of the class cannot be in the wrong state: they look first.
void must(int error) noexcept
{
    if (error)
        __builtin_trap();
}

template <typename Each>
void for_each(PageRange r, Each &&each) noexcept
{
    for (auto p { r.first() }; p < r.last(); p = p.plus(1))
        each(p);
}

// The page becomes the host's, wiped, whatever the guest has of it; a poisoned entry stays.
void take_and_wipe(Pages &pages, PageNo p) noexcept
{
    auto const page { state_of(pages, p) };
    if (page.state == State::guest_owned || page.state == State::shared_by_guest)
        must(apply(pages, p, Call::host_reclaim_page_guest, { .handle = page.handle, .frame = page.frame, .dying = true }));
    std::memset(pages.page(p), 0, page_size);
}

// A guest's access, by what its stage-2 table has and by the side that KVM took it for.
// assumption: a page that the host has not given to the guest is mapped for it on the spot while its attribute is shared.
constexpr GuestVerdict guest_verdicts[][2] {
    // shared                                                                private
    { {},                                                                    {} }, // owned
    { {},                                                                    {} }, // shared_owned
    { {},                                                                    {} }, // shared_borrowed
    { {},                                                                    { GuestVerdict::What::retry, "stage-2 fault: the host donates" } }, // nopage
    { { GuestVerdict::What::vm_dead, "stage-2 abort on a POISON entry" },    { GuestVerdict::What::vm_dead, "stage-2 abort on a POISON entry" } }, // poison
};

}

Status Pkvm::veto(Pages const &pages, PageRange r, Attribute to, std::uint64_t) const noexcept
{
    if (pages.vm->options.pkvm_unsolicited != PkvmUnsolicited::refused)
        return Ok {};
    if (requested(*pages.vm, r, to == Attribute::private_))
        return Ok {};
    return Error { Why::platform_refused, EPERM, r.offset(), "no guest has asked for this conversion" };
}

void Pkvm::make_shared(Pages &pages, PageRange held) const noexcept
{
    for_each(held, [&pages](PageNo p) noexcept {
        auto const page { state_of(pages, p) };
        if (page.state != State::guest_owned)
            return;
        if (requested(*pages.vm, PageRange::one(p), false))
            must(apply(pages, p, Call::guest_share_host, { .handle = page.handle, .frame = page.frame }));
        else if (pages.vm->options.pkvm_unsolicited == PkvmUnsolicited::destructive)
            take_and_wipe(pages, p);
        else
            must(apply(pages, p, Call::force_reclaim_page_guest, { .handle = page.handle, .frame = page.frame }));
    });
}

void Pkvm::asked_for(Pages &pages, PageRange r, Attribute to) const noexcept { pkvm::record_request(*pages.vm, r, to == Attribute::private_); }

Solicited Pkvm::solicited(Pages const &pages, PageRange r, Attribute to) const noexcept
{
    return requested(*pages.vm, r, to == Attribute::private_) ? Solicited::yes : Solicited::no;
}

void Pkvm::converted(Pages &pages, PageRange r, Attribute to, Solicited asked) const noexcept
{
    if (asked == Solicited::yes)
        return consume_request(*pages.vm, r, to == Attribute::private_);
    // Pages of a mixed range that are the guest's own already are none that it converts.
    if (pages.vm->options.pkvm_unsolicited == PkvmUnsolicited::destructive)
        for_each(r, [&pages](PageNo p) noexcept {
            if (state_of(pages, p).state != State::guest_owned)
                take_and_wipe(pages, p);
        });
}

Status Pkvm::make_private(Pages &pages, PageNo p, std::uint64_t frame) const noexcept
{
    if (pages.vm->options.pkvm_unshare == PkvmUnshare::after_conversion) // the page is private now: what MEM_UNSHARE asked for
        accept(pages, p, frame);
    auto const page { state_of(pages, p) };
    if (sides(page.state).guest == Owner::poison)
        return Error { Why::platform_refused, EHWPOISON, p.to_bytes(), "the host took the page from the guest" };
    if ((page.state == State::guest_owned || page.state == State::shared_by_guest) && page.frame == frame && page.handle == pages.vm->id)
        return Ok {};
    if (auto const error { apply(pages, p, Call::host_donate_guest, { .handle = pages.vm->id, .frame = frame }) })
        return Error { Why::platform_refused, error, p.to_bytes(), "host_donate_guest" };
    return Ok {};
}

void Pkvm::accept(Pages &pages, PageNo p, std::uint64_t frame) const noexcept
{
    if (state_of(pages, p).state == State::shared_by_guest) // of another frame: not the guest's to unshare, and EL2 says so
        static_cast<void>(apply(pages, p, Call::guest_unshare_host, { .handle = pages.vm->id, .frame = frame }));
}

// assumption: the hook that KVM has for freed pages may do what teardown may, also while the VM lives.
void Pkvm::reclaim(Pages &pages, PageRange held) const noexcept
{
    for_each(held, [&pages](PageNo p) noexcept {
        auto page { state_of(pages, p) };
        for (; page.state == State::lent_to_guest; page = state_of(pages, p))
            must(apply(pages, p, Call::host_unshare_guest, { .handle = page.handle, .frame = page.frame }));
        if (sides(page.state).guest != Owner::nopage)
            must(apply(pages, p, Call::host_reclaim_page_guest, { .handle = page.handle, .frame = page.frame, .dying = true }));
    });
}

bool Pkvm::held(Record const &r) const noexcept { return record_as<PageState>(r).state == State::guest_owned; }

// Who is denied is denied reading and writing. A host process is killed; this is about the kernel and about devices.
HostVerdict Pkvm::host_access(Pages const &pages, PageNo p, Access) const noexcept
{
    if (sides(state_of(pages, p).state).host != Owner::nopage)
        return {};
    auto const panic { pages.vm->options.pkvm_bad_access == PkvmBadAccess::panic };
    return { HostVerdict::What::fault, panic ? HostVerdict::Then::host_crash : HostVerdict::Then::guest_poisoned, "stage-2 abort (S1PTW)" };
}

GuestVerdict Pkvm::guest_access(Pages const &pages, PageNo p, std::uint64_t frame, Side side, Access) const noexcept
{
    auto const page { state_of(pages, p) };
    auto const here { page.frame == frame || page.shares != 0 };
    auto const owner { here ? sides(page.state).guest : Owner::nopage };
    return guest_verdicts[static_cast<std::size_t>(owner)][side == Side::private_];
}

char const *Pkvm::state_name(Record const &r) const noexcept { return sides(record_as<PageState>(r).state).name; }

char const *Pkvm::audit(Record const &r) const noexcept
{
    auto const page { record_as<PageState>(r) };
    if (static_cast<std::size_t>(page.state) >= states || page.unused != 0)
        return "no state of pKVM";
    auto const has_guest { sides(page.state).guest != Owner::nopage };
    if (has_guest != (page.handle != 0) || (!has_guest && page.frame != 0) || page.frame >= most_frames)
        return "a page's guest and its annotation disagree";
    if ((page.state == State::lent_to_guest) != (page.shares != 0))
        return "a page is lent to nobody, or counted and not lent";
    return nullptr;
}

} // namespace gmem::platform
