#pragma once
// The pages that a buffer of the program lies in.

#include "memory/space.hpp"

#include <sys/uio.h>

namespace gmem::preload {

// Empty where the numbers make no range.
constexpr os::AddressRange whole_pages(std::uintptr_t address, std::size_t length) noexcept
{
    std::uintptr_t end { 0 };
    if (length == 0 || __builtin_add_overflow(address, length, &end) || end > INT64_MAX)
        return {};
    return { address & ~(page_size - 1), (end + page_size - 1) & ~(page_size - 1) };
}
inline os::AddressRange whole_pages(iovec const &part) noexcept { return whole_pages(reinterpret_cast<std::uintptr_t>(part.iov_base), part.iov_len); }

// Could any of them lie in a window? Wait-free, conservative. The program's array must be readable.
inline bool may_touch_windows(iovec const *parts, std::size_t count) noexcept
{
    for (std::size_t i { 0 }; i < count; ++i)
        if (memory::Space::may_touch(whole_pages(parts[i])))
            return true;
    return false;
}

} // namespace gmem::preload
