#include "memory/space.hpp"

#include "memory/guest_memory.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

namespace gmem::memory {

constinit os::Mutex Space::lock_;
constinit WindowTable Space::table_;

bool Space::touches(os::AddressRange r) noexcept
{
    if (!may_touch(r))
        return false;
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    return !table_.overlapping(r).empty();
}

os::AddressRange Space::first_window_in(os::AddressRange r) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const found { table_.overlapping(r) };
    return found.empty() ? os::AddressRange {} : found.front().addresses.intersect(r);
}

std::uint64_t Space::windows_of(GuestMemory const &file) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    std::uint64_t n { 0 };
    for (auto const &w : table_.all())
        n += w.file == &file && w.side == Window::Side::host;
    return n;
}

char const *Space::audit() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    return table_.audit();
}

} // namespace gmem::memory
