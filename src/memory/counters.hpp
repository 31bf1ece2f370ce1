#pragma once
// What a gmem counts about itself. Lives in the control block, so all processes add to the same numbers.

#include <atomic>
#include <cstdint>

namespace gmem::memory {

using Counter = std::atomic<std::uint64_t>;

struct Counters final {
    Counter conversions_to_shared;
    Counter conversions_to_private;
    Counter conversions_unchanged;
    Counter conversions_failed;
    Counter recoveries;
    Counter punched;
    Counter extents_kept_small;
};

inline void count(Counter &c) noexcept { c.fetch_add(1, std::memory_order_relaxed); }

} // namespace gmem::memory
