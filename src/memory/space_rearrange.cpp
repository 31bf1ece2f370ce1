// remap_file_pages: another part of the file at the same addresses.

#include "memory/guest_memory.hpp"
#include "memory/space.hpp"
#include "os/linux_abi.hpp"
#include "os/signals.hpp"

namespace gmem::memory {

Status Space::rearrange(os::AddressRange r, PageNo first) noexcept
{
    GuestMemory *file { nullptr };
    int protection { 0 };
    {
        os::SignalsBlocked blocked;
        os::Locked guard { lock_ };
        auto const *const w { table_.at(r.begin) };
        if (!w || r.end > w->addresses.end)
            return Error::with_errno(EINVAL, "rearrange.range");
        file = w->file;
        file->acquire();
        protection = w->protection;
    }
    auto const mapped { map(*file, { .hint = r.begin, .length = r.length(), .protection = protection, .flags = MAP_FIXED, .offset = first.to_bytes() }) };
    file->release();
    if (!mapped)
        return mapped.error();
    return Ok {};
}

} // namespace gmem::memory
