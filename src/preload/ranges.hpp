#pragma once
// The pages that buffers of the program lie in.

#include "memory/space.hpp"
#include "os/user_memory.hpp"

#include <algorithm>
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
inline os::AddressRange whole_pages(void const *address, std::size_t length) noexcept { return whole_pages(reinterpret_cast<std::uintptr_t>(address), length); }

// Are there windows at all? Wait-free.
inline bool windows_exist() noexcept { return memory::Space::may_touch({ 0, ~std::uintptr_t { 0 } }); }

// Calls `visit(part)` for each element of an array of the program's, which may be a bad pointer: false then.
template <typename T, typename Visit>
bool for_each_given(T const *array, std::size_t count, Visit visit) noexcept
{
    T some[32] {};
    for (std::size_t done { 0 }; done < count; done += std::size(some)) {
        auto const n { std::min(std::size(some), count - done) };
        if (!os::copy_from_program(some, reinterpret_cast<std::uintptr_t>(array + done), n * sizeof(T)))
            return false;
        for (std::size_t i { 0 }; i < n; ++i)
            visit(some[i]);
    }
    return true;
}

// Could any of the buffers lie in a window? Nothing is read where there are no windows.
inline bool may_touch_windows(iovec const *parts, std::size_t count) noexcept
{
    bool touches { false };
    if (windows_exist()) [[unlikely]]
        for_each_given(parts, count, [&](iovec const &part) noexcept { touches |= memory::Space::may_touch(whole_pages(part.iov_base, part.iov_len)); });
    return touches;
}

} // namespace gmem::preload
