#include "memory/guest_window.hpp"

#include "memory/gate.hpp"
#include "memory/huge_pages.hpp"
#include "memory/process.hpp"
#include "memory/space.hpp"
#include "memory/trusted_side.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

namespace gmem::memory {
namespace {

// Unreadable until it is gated, and neither forked nor dumped.
Status make_gated(Window &w) noexcept
{
    GMEM_TRY(mapped, os::map_hidden(w.file->own_copy(), w.file->file(), w.addresses.begin, w.addresses.length(), PROT_NONE, MAP_FIXED, Bytes { 0 }));
    (void)mapped;
    GMEM_CHECK(os::advise(w.addresses, MADV_DONTFORK));
    GMEM_CHECK(os::advise(w.addresses, MADV_DONTDUMP));
    (void)os::advise(w.addresses, MADV_NOHUGEPAGE);
    GMEM_CHECK(gate::arm(w));
    return os::protect(w.addresses, w.protection);
}

} // namespace

Result<std::uintptr_t> GuestWindow::open(GuestMemory &file) noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const guard { file };
    if (!guard)
        return guard.error();
    if (file.guest_window_)
        return file.guest_window_;
    os::Locked space { Space::lock() };
    auto &table { Space::table() };
    GMEM_CHECK(table.reserve(1));
    GMEM_TRY(place, os::reserve_for_huge_pages(raw(file.size()), Bytes { 0 }));
    Window w { .addresses = { place, place + raw(file.size()) }, .file = &file, .first = PageNo { 0 }, .protection = PROT_READ | PROT_WRITE, .forked = false, .locked = false, .native = nullptr, .side = Window::Side::guest };
    auto const gated { make_gated(w) };
    if (!gated) {
        os::unmap(w.addresses);
        if (w.native)
            w.native->release();
        return gated.error();
    }
    file.open_shared(w, w.pages(), Opening::native);
    table.insert(w);
    file.guest_window_ = place;
    return place;
}

Status GuestWindow::close_pages(GuestMemory &file, PageRange r) noexcept
{
    auto *const w { file.guest_window_ ? Space::table().at(file.guest_window_) : nullptr };
    return w ? gate::close(*w, r) : Status { Ok {} };
}

void GuestWindow::close(GuestMemory &file, GuestMemory::ViewFate fate) noexcept
{
    if (!file.guest_window_)
        return;
    os::AddressRange const all { file.guest_window_, file.guest_window_ + raw(file.size()) };
    file.guest_window_ = 0;
    if (fate == GuestMemory::ViewFate::unmap)
        os::unmap(all);
    else
        os::system_call(SYS_mmap, all.begin, all.length(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    Space::forget_locked(all); // a whole record: nothing is split, so nothing is needed
}

bool GuestMemory::guest_is_gated() const noexcept { return platform::platform_of(header().vm.kind).keeps_records(); }

// The guest uses a page: it becomes the guest's if it is private, and is open in the guest's window. Where the window has lost a page
// that needed nothing (the kernel drops PTEs), this brings it back.
Status GuestMemory::guest_touch(PageNo p, std::uint64_t frame, Accepts who) noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (!guard)
        return guard.error();
    if (at(p) == Attribute::private_)
        GMEM_CHECK(TrustedSide { *this }.make_private(p, frame, who));
    if (!guest_window_)
        return Ok {};
    if (has_huge_pages())
        GMEM_CHECK(HugePages { *this }.settle(PageRange::one(p)));
    os::Locked space { Space::lock() };
    attach();
    auto *const w { Space::table().at(guest_window_ + raw(p.to_bytes())) };
    return w ? gate::reopen(*w, p) : Error::of(Why::no_memory, "guest_window");
}

void GuestMemory::guest_asks(PageRange r, Attribute to) noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (!guard) // the VMM's conversion will not get a lock either
        return;
    TrustedSide const trusted { *this };
    auto pages { trusted.pages() };
    trusted.platform().asked_for(pages, r, to);
}

// Under the VM's lock, in its process.
void GuestMemory::slot_gone(PageRange r, std::uint64_t first_frame) noexcept
{
    if (!platform::platform_of(header().vm.kind).keeps_records())
        return;
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (!guard) // without memory to become a member this process has made nothing the guest's
        return;
    os::Locked space { Space::lock() };
    if (GuestWindow::close_pages(*this, r)) // else the guest may still reach them, so the platform keeps them
        TrustedSide { *this }.unmap(r, first_frame);
}

} // namespace gmem::memory
