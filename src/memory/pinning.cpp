// Pins of a gmem: what a device, a ring or a call under way holds (docs/pins.md).

#include "memory/guest_memory.hpp"
#include "os/signals.hpp"

namespace gmem::memory {
namespace {

PinRecord record(PageRange r, unsigned slot, PinKind kind, std::uint64_t token) noexcept
{
    return { .first = r.first().index(), .last = r.last().index(), .owner = slot + 1, .kind = kind, .token = token, .held_first = r.first().index(), .held_last = r.last().index() };
}

observe::Event of(std::uint64_t file, PageRange r, PinKind kind, std::uint64_t token, Status const &result) noexcept
{
    return { .detail = static_cast<std::uint8_t>(kind), .result = observe::result_of(result), .file = file, .offset = raw(r.offset()), .size = raw(r.length()), .more = { token } };
}

} // namespace

// Under the lock, as a conversion's: the log has pins and conversions in the order in which the file saw them.
Status GuestMemory::pin(PageRange r, PinKind kind, std::uint64_t token) noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (!guard)
        return guard.error();
    auto pinned { [&]() GMEM_NO_THREAD_SAFETY noexcept -> Status {
        if (attributes().first_differing(r, Attribute::shared))
            return Error::with_errno(EFAULT, "pin.private"); // a host mapping shows nothing there that could be held
        GMEM_CHECK(control_.stage_pin());
        control_.pins().add(record(r, static_cast<unsigned>(agent_.slot()), kind, token));
        return Ok {};
    }() };
    (void)observe::note(observe::Kind::pin, of(facts_.inode, r, kind, token, pinned), observe::Asks::who_called);
    return pinned;
}

Status GuestMemory::unpin(PageRange r, PinKind kind, std::uint64_t token) noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (!guard)
        return guard.error();
    auto unpinned { control_.pins().remove(record(r, static_cast<unsigned>(agent_.slot()), kind, token)) ? Status { Ok {} } : Error::with_errno(EINVAL, "unpin.none") };
    (void)observe::note(observe::Kind::unpin, of(facts_.inode, r, kind, token, unpinned), observe::Asks::who_called);
    return unpinned;
}

void GuestMemory::detach_pins_locked(PageRange r) noexcept
{
    control_.pins().detach(r, [this]() noexcept { return bool(control_.stage_pin()); });
}

void GuestMemory::unpin_all(PinKind kind, std::uint64_t token) noexcept
{
    if (agent_.slot() < 0 || control_.pins().empty())
        return;
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (guard && control_.pins().remove_all(static_cast<unsigned>(agent_.slot()), kind, token) != 0)
        (void)observe::note(observe::Kind::unpin, { .detail = static_cast<std::uint8_t>(kind), .file = facts_.inode, .more = { token } });
}

} // namespace gmem::memory
