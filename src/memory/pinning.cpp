// Pins of a gmem: what a device, a ring or a call under way holds (docs/pins.md).

#include "memory/guest_memory.hpp"
#include "os/signals.hpp"

namespace gmem::memory {
namespace {

PinRecord record(PageRange r, unsigned slot, PinKind kind, std::uint64_t token) noexcept
{
    return { .first = r.first().index(), .last = r.last().index(), .owner = slot + 1, .kind = kind, .left_behind = 0, .token = token };
}

} // namespace

Status GuestMemory::pin(PageRange r, PinKind kind, std::uint64_t token) noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (!guard)
        return guard.error();
    if (attributes().first_differing(r, Attribute::shared))
        return Error::with_errno(EFAULT, "pin.private"); // a host mapping shows nothing there that could be held
    GMEM_CHECK(control_.stage_pin());
    control_.pins().add(record(r, static_cast<unsigned>(agent_.slot()), kind, token));
    return Ok {};
}

Status GuestMemory::unpin(PageRange r, PinKind kind, std::uint64_t token) noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (!guard)
        return guard.error();
    if (!control_.pins().remove(record(r, static_cast<unsigned>(agent_.slot()), kind, token)))
        return Error::with_errno(EINVAL, "unpin.none");
    return Ok {};
}

void GuestMemory::unpin_all(PinKind kind, std::uint64_t token) noexcept
{
    if (agent_.slot() < 0 || control_.pins().empty())
        return;
    os::SignalsBlocked blocked;
    FileLocked const guard { *this };
    if (guard)
        control_.pins().remove_all(static_cast<unsigned>(agent_.slot()), kind, token);
}

void GuestMemory::leave_pins_behind(PageRange r) noexcept
{
    if (!control_.pins().empty()) [[unlikely]]
        control_.pins().leave_behind(r, [this]() noexcept { return bool(control_.stage_pin()); });
}

} // namespace gmem::memory
