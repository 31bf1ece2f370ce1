#pragma once
// Addresses where nobody else's mappings land: below the area from which the kernel serves mmap(), top down. Windows and views are not
// inherited by a forked child but mapped anew there; until then their addresses are free, and what another library's fork handler maps in
// the child, before ours runs, must not come to lie on them.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gmem::os {

// A hint for mmap(): aligned for huge pages; the kernel is free to choose another place when something is there. 0: no suggestion.
// The range is one that sanitizers allow a program.
inline std::uintptr_t address_aside(std::size_t length) noexcept
{
    constexpr std::uintptr_t first { 0x7e90'0000'0000 }, last { 0x7ee0'0000'0000 }, huge_page { std::uintptr_t { 2 } << 20 };
    static constinit std::atomic<std::uintptr_t> next { first };
    if (length > (last - first) / 2)
        return 0;
    auto const whole { (length + 2 * huge_page - 1) & ~(huge_page - 1) }; // and a gap: neighbours do not merge
    auto at { next.load(std::memory_order_relaxed) };
    for (;;) {
        auto const begin { at + whole <= last ? at : first };
        if (next.compare_exchange_weak(at, begin + whole, std::memory_order_relaxed))
            return begin;
    }
}

} // namespace gmem::os
