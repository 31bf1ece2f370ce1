#pragma once
// Address space calls as gmem makes them: raw, with Results. The caller says which table the descriptor is in.

#include "base/result.hpp"
#include "os/address_range.hpp"
#include "os/aside.hpp"
#include "os/helper.hpp"
#include "os/linux_abi.hpp"
#include "os/own_copy.hpp"

namespace gmem::os {

enum class Inherit : bool { no, yes };

// Maps [offset, offset + length) of a hidden file MAP_SHARED. `flags` beyond MAP_SHARED: MAP_FIXED, MAP_FIXED_NOREPLACE, ...
inline Result<std::uintptr_t> map_hidden(HelperFd fd, std::uintptr_t hint, std::size_t length, int protection, int flags, Bytes offset) noexcept
{
    auto const result { Helper::call(SYS_mmap, hint, length, protection, MAP_SHARED | MAP_NORESERVE | flags, fd, raw(offset)) };
    if (failed(result))
        return Error::os(result, "mmap");
    return static_cast<std::uintptr_t>(result);
}

// The same through the own copy of the file while there is one.
inline Result<std::uintptr_t> map_hidden(OwnCopy &copy, HelperFd fd, std::uintptr_t hint, std::size_t length, int protection, int flags, Bytes offset) noexcept
{
    auto const own { copy.get() };
    if (own < 0)
        return map_hidden(fd, hint, length, protection, flags, offset);
    auto const result { system_call(SYS_mmap, hint, length, protection, MAP_SHARED | MAP_NORESERVE | flags, own, raw(offset)) };
    if (failed(result))
        return Error::os(result, "mmap");
    return static_cast<std::uintptr_t>(result);
}

// Anonymous memory of gmem's own: zero-filled, not reserved.
inline Result<std::uintptr_t> map_anonymous(std::size_t length, int sharing) noexcept
{
    auto const result { system_call(SYS_mmap, nullptr, length, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) };
    if (failed(result))
        return Error::os(result, "mmap");
    return static_cast<std::uintptr_t>(result);
}

inline void unmap(AddressRange r) noexcept { system_call(SYS_munmap, r.begin, r.length()); }

// Addresses for [offset, offset + length) of a file, taken and unreadable, where a huge page of the file can be one of the page
// table too: address and offset agree modulo 2 MiB.
inline Result<std::uintptr_t> reserve_for_huge_pages(std::size_t length, Bytes offset) noexcept
{
    constexpr std::uintptr_t huge_page { std::uintptr_t { 2 } << 20 };
    auto const reserved { system_call(SYS_mmap, address_aside(length + huge_page), length + huge_page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) };
    if (failed(reserved))
        return Error::os(reserved, "reserve");
    auto const begin { static_cast<std::uintptr_t>(reserved) };
    auto const aligned { begin + ((raw(offset) - begin) & (huge_page - 1)) };
    if (aligned != begin)
        unmap({ begin, aligned });
    if (aligned != begin + huge_page)
        unmap({ aligned + length, begin + length + huge_page });
    return aligned;
}

inline Status advise(AddressRange r, int advice) noexcept
{
    auto const result { system_call(SYS_madvise, r.begin, r.length(), advice) };
    if (failed(result))
        return Error::os(result, "madvise");
    return Ok {};
}

inline Status protect(AddressRange r, int protection) noexcept
{
    auto const result { system_call(SYS_mprotect, r.begin, r.length(), protection) };
    if (failed(result))
        return Error::os(result, "mprotect");
    return Ok {};
}

// Is the page at `address` (page aligned) in memory? False also while it is swapped out.
inline bool resident(std::uintptr_t address) noexcept
{
    unsigned char in_memory { 0 };
    return !failed(system_call(SYS_mincore, address, 1, &in_memory)) && (in_memory & 1);
}

// Removes the PTEs of a range, also where it is mlocked. Kernels before 5.18 know only the plain advice, which mlocked
// ranges refuse: there the range is munlocked first.
inline Status zap(AddressRange r) noexcept
{
    auto result { system_call(SYS_madvise, r.begin, r.length(), madv_dontneed_locked) };
    if (result == -EINVAL) {
        result = system_call(SYS_munlock, r.begin, r.length());
        if (!failed(result))
            result = system_call(SYS_madvise, r.begin, r.length(), MADV_DONTNEED);
    }
    if (failed(result))
        return Error::os(result, "zap");
    return Ok {};
}

} // namespace gmem::os
