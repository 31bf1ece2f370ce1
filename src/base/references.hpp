#pragma once
// Counted references to objects whose memory stays: a stale pointer may be asked.

#include <atomic>
#include <cstdint>

namespace gmem {

// One more reference, unless the last one is gone already.
inline bool acquire_if_alive(std::atomic<std::uint64_t> &references) noexcept
{
    auto seen { references.load(std::memory_order_acquire) };
    while (seen != 0)
        if (references.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel))
            return true;
    return false;
}

} // namespace gmem
