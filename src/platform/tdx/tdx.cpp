#include "platform/tdx/tdx.hpp"

#include "platform/tdx/host_view.hpp"
#include "platform/tdx/memory_calls.hpp"

namespace gmem::platform {
namespace {

using namespace tdx;

PageRecord of(Pages const &pages, PageNo p) noexcept { return record_as<PageRecord>(pages.record(p)); }

// KVM never makes a large entry. One that the calls made becomes 512 small ones, or what the host wants of it would take more than its page.
void split(Pages &pages, PageNo p, PageRecord const &r) noexcept
{
    auto const inside { r.frame % pages_of_large };
    Upper upper { r.entry, 0 };
    // Nobody is inside, whatever the epoch: the hooks run with all vCPUs kicked.
    auto td { td_state_of(*pages.vm) };
    if (blocked(r.entry))
        mem_track(td);
    upper.block_epoch = blocked(r.entry) ? *td.epoch - 1 : 0;
    page_demote(td, pages, { PageNo { p.index() - inside }, r.frame - inside, Level::large, &upper });
}

// KVM's way to take a page from a TD: tdx_sept_remove_private_spte, with the vCPUs kicked between TRACK and REMOVE.
Seam removed(Pages &pages, Place const &at) noexcept
{
    auto td { td_state_of(*pages.vm) };
    if (td.op == Op::runnable) {
        if (auto const s { range_block(td, pages, at) }; s != Seam::success && s != Seam::gpa_range_already_blocked)
            return s;
        if (auto const s { mem_track(td) }; s != Seam::success)
            return s;
    }
    return page_remove(td, pages, at);
}

void take_out(Pages &pages, PageNo p) noexcept
{
    if (of(pages, p).level == Level::large)
        split(pages, p, of(pages, p));
    auto const r { of(pages, p) };
    auto const written { row_of(r.entry).bytes == WrittenBy::td };
    if (removed(pages, { p, r.frame }) != Seam::success) {
        pages.record(p) = {}; // KVM leaks the page; the one that comes in its place is empty
        __builtin_memset(pages.page(p), 0, page_size);
        return;
    }
    if (written)
        leave_to_host(pages, p);
    else if (pages.vm->options.tdx_cpu == TdxCpu::partial_write_erratum)
        __builtin_memset(pages.page(p), 0, page_size);
}

using Guest = GuestVerdict::What;

GuestVerdict pending_verdict(TdxPending how) noexcept
{
    return how == TdxPending::guest_exception ? GuestVerdict { Guest::guest_exception, "#VE" }
                                              : GuestVerdict { Guest::vm_dead, "EPT violation on a page that is not accepted" };
}

GuestVerdict private_verdict(PageRecord const &r, std::uint64_t frame, TdxPending how, Access access) noexcept
{
    switch (owned(r) && r.frame == frame ? row_of(r.entry).guest : Meets::nothing) {
    case Meets::nothing:                return { Guest::retry, "EPT violation" };
    case Meets::the_page:               return { Guest::plain, "" };
    case Meets::the_page_to_read:       return access == Access::read ? GuestVerdict { Guest::plain, "" } : GuestVerdict { Guest::retry, "EPT violation" };
    case Meets::its_own_duty_to_accept: return pending_verdict(how);
    case Meets::a_block:                return { Guest::retry, "EPT violation" };
    }
    __builtin_unreachable();
}

}

void Tdx::make_shared(Pages &pages, PageRange range) const noexcept
{
    for (auto p { range.first() }; p < range.last(); p = p.plus(1))
        if (held(pages.record(p)))
            take_out(pages, p);
}

Status Tdx::make_private(Pages &pages, PageNo p, std::uint64_t frame) const noexcept
{
    auto const td { td_state_of(*pages.vm) };
    if (td.op != Op::runnable)
        return Error { Why::platform_refused, EIO, p.to_bytes(), "TDX: a private fault before FINALIZE" };
    auto const r { of(pages, p) };
    if (owned(r) && r.frame == frame && !blocked(r.entry))
        return Ok {};
    if (auto const s { page_aug(td, pages, { p, frame }) }; s != Seam::success)
        return Error { Why::platform_refused, errno_of(s), p.to_bytes(), name_of(s) };
    return Ok {};
}

void Tdx::accept(Pages &pages, PageNo p, std::uint64_t frame) const noexcept
{
    page_accept(td_state_of(*pages.vm), pages, { p, frame }); // refused where it is accepted already: nothing to do
}

void Tdx::unmap(Pages &pages, PageNo p, std::uint64_t frame) const noexcept
{
    if (auto const r { of(pages, p) }; owned(r) && r.frame == frame)
        take_out(pages, p);
}

void Tdx::reclaim(Pages &pages, PageRange range) const noexcept
{
    for (auto p { range.first() }; p < range.last(); p = p.plus(1)) {
        if (of(pages, p).level == Level::large)
            split(pages, p, of(pages, p));
        pages.record(p) = {};
    }
}

bool Tdx::held(Record const &r) const noexcept { return owned(record_as<PageRecord>(r)); }

HostVerdict Tdx::host_access(Pages const &pages, PageNo p, Access access) const noexcept
{
    using What = HostVerdict::What;
    using Then = HostVerdict::Then;
    auto const &options { pages.vm->options };
    auto const td_wrote { row_of(of(pages, p).entry).bytes == WrittenBy::td };
    if (access == Access::read) {
        if (td_wrote ? options.tdx_removed == TdxRemoved::poison : poisoned(pages, p))
            return { What::fault, Then::poisoned, "#MC" };
        return td_wrote ? HostVerdict { What::ciphertext, Then::goes_on, "read through KeyID 0" } : HostVerdict {};
    }
    if (!td_wrote)
        return {};
    if (options.tdx_cpu == TdxCpu::partial_write_erratum)
        return { What::plain, Then::poisoned, "partial write to a TD's line: #MC later" };
    return { What::plain, Then::guest_poisoned, "write to a TD's line: #MC in the TD" }; // assumption: the line's TD-owner bit is cleared
}

GuestVerdict Tdx::guest_access(Pages const &pages, PageNo p, std::uint64_t frame, Side side, Access access) const noexcept
{
    auto const r { of(pages, p) };
    if (side == Side::private_) {
        if (pages.vm->phase.load(std::memory_order_acquire) != Phase::running)
            return { Guest::vm_dead, "a private fault before FINALIZE" };
        return private_verdict(r, frame, pages.vm->options.tdx_pending, access);
    }
    // The shared half of the addresses goes through KeyID 0, as the host does.
    if (row_of(r.entry).bytes == WrittenBy::host)
        return {};
    return access == Access::read ? GuestVerdict { Guest::ciphertext, "read through KeyID 0" }
                                  : GuestVerdict { Guest::memory_fault, "write through the shared half to a private page" };
}

void Tdx::read_ciphertext(Pages const &pages, PageNo p, std::byte *out) const noexcept { show_host(pages, p, out); }

char const *Tdx::state_name(Record const &r) const noexcept
{
    auto const e { record_as<PageRecord>(r).entry };
    return index_of(e) < entry_count ? row_of(e).name : "?";
}

char const *Tdx::audit(Record const &r) const noexcept { return audit_of(record_as<PageRecord>(r)); }

} // namespace gmem::platform
