#include "platform/tdx/td.hpp"

namespace gmem::platform::tdx {
namespace {

// What holds one page of a control structure more, after a call that worked; or one less.
Seam counted(Seam s, unsigned &pages, int by) noexcept
{
    if (s == Seam::success)
        pages += static_cast<unsigned>(by);
    return s;
}

}

Seam Td::key_config() noexcept
{
    auto const s { admitted(Call::mng_key_config, bare()) };
    if (s == Seam::success)
        life_ = Life::keys_configured;
    return s;
}

Seam Td::add_tdcx() noexcept { return counted(admitted(Call::mng_addcx, bare()), tdcx_pages_, 1); }

Seam Td::init() noexcept
{
    if (auto const s { admitted(Call::mng_init, bare()) }; s != Seam::success)
        return s;
    if (tdcx_pages_ < tdcs_pages)
        return Seam::tdcs_not_allocated;
    if (!mrtd_.start())
        return Seam::operand_busy;
    op_ = Op::initialized;
    return Seam::success;
}

Seam Td::create_vcpu() noexcept
{
    auto const s { admitted(Call::vp_init, bare()) };
    if (s == Seam::success)
        ++vcpus_, ++associated_, ++tdvpr_pages_;
    return s;
}

Seam Td::page_add(Pages &pages, Place const &at, std::byte const *source) noexcept
{
    auto const s { tdx::page_add(state(*pages.vm), pages, at, source) };
    if (s == Seam::success)
        mrtd_.page_added(at.frame << page_bits);
    return s;
}

Seam Td::extend(Pages const &pages, Place const &at, std::uint64_t offset) noexcept
{
    if (auto const s { may_extend(state(*pages.vm), pages, at) }; s != Seam::success)
        return s;
    if (offset % chunk_bytes != 0 || offset >= page_size)
        return Seam::operand_invalid;
    mrtd_.extended((at.frame << page_bits) + offset, pages.page(at.page) + offset);
    return Seam::success;
}

Seam Td::finalize() noexcept
{
    if (auto const s { admitted(Call::mr_finalize, bare()) }; s != Seam::success)
        return s;
    if (vcpus_ == 0)
        return Seam::no_vcpus;
    op_ = Op::runnable;
    return Seam::success;
}

Seam Td::enter() noexcept
{
    auto const s { admitted(Call::vp_enter, bare()) };
    if (s != Seam::success)
        return s;
    auto const inside { inside_.now + inside_.before };
    if (inside >= vcpus_)
        return Seam::operand_busy; // each is inside already
    ++inside_.now;
    if (associated_ <= inside)
        ++associated_; // one that was flushed
    return s;
}

void Td::leave(VmState const &vm, std::uint64_t entered) noexcept
{
    if (entered == vm.epoch)
        --inside_.now;
    else
        --inside_.before;
}

Seam Td::track(VmState &vm) noexcept
{
    auto td { state(vm) };
    auto const s { mem_track(td) };
    inside_ = td.inside;
    return s;
}

Seam Td::sept_add(VmState &vm, Upper &upper) noexcept { return counted(tdx::sept_add(state(vm), upper), sept_pages_, 1); }
Seam Td::sept_remove(VmState &vm, Upper &upper) noexcept { return counted(tdx::sept_remove(state(vm), upper), sept_pages_, -1); }
Seam Td::demote(Pages &pages, Place const &at) noexcept { return counted(page_demote(state(*pages.vm), pages, at), sept_pages_, 1); }
Seam Td::promote(Pages &pages, Place const &at) noexcept { return counted(page_promote(state(*pages.vm), pages, at), sept_pages_, -1); }

Seam Td::flush_vcpu() noexcept
{
    if (auto const s { admitted(Call::vp_flush, bare()) }; s != Seam::success)
        return s;
    if (inside_.now + inside_.before > 0 && associated_ <= inside_.now + inside_.before)
        return Seam::operand_busy; // it is inside
    if (associated_ > 0)
        --associated_;
    return Seam::success;
}

Seam Td::vpflushdone() noexcept
{
    if (auto const s { admitted(Call::mng_vpflushdone, bare()) }; s != Seam::success)
        return s;
    if (associated_ > 0)
        return Seam::flushvp_not_done;
    life_ = Life::blocked;
    return Seam::success;
}

Seam Td::cache_writeback() noexcept
{
    auto const s { admitted(Call::phymem_cache_wb, bare()) };
    if (s == Seam::success)
        written_back_ = true;
    return s;
}

Seam Td::key_freeid() noexcept
{
    if (auto const s { admitted(Call::mng_key_freeid, bare()) }; s != Seam::success)
        return s;
    if (!written_back_)
        return Seam::wbcache_not_complete;
    life_ = Life::teardown;
    return Seam::success;
}

Seam Td::reclaim_control_page(PageType t) noexcept
{
    if (auto const s { admitted(Call::phymem_page_reclaim, bare()) }; s != Seam::success)
        return s;
    auto *const pages { t == PageType::tdcx ? &tdcx_pages_ : t == PageType::tdvpr ? &tdvpr_pages_ : t == PageType::ept ? &sept_pages_ : nullptr };
    if (!pages || *pages == 0)
        return Seam::page_metadata_incorrect;
    --*pages;
    return Seam::success;
}

Seam Td::reclaim_tdr(std::uint64_t left) noexcept
{
    if (auto const s { admitted(Call::phymem_page_reclaim, bare()) }; s != Seam::success)
        return s;
    if (removed_)
        return Seam::page_metadata_incorrect;
    if (left || tdcx_pages_ || tdvpr_pages_ || sept_pages_)
        return Seam::td_associated_pages_exist;
    removed_ = true;
    return Seam::success;
}

std::uint64_t pages_left(Pages const &pages, std::uint16_t id) noexcept
{
    std::uint64_t left { 0 };
    for (std::uint64_t p { 0 }; p < pages.count.index(); ++p) {
        auto const r { record_as<PageRecord>(pages.record(PageNo { p })) };
        left += owned(r) && r.owner == id;
    }
    return left;
}

} // namespace gmem::platform::tdx
