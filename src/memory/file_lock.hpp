#pragma once
// The lock of one gmem, in memory that its processes share. Its holder may be killed at any instant: whoever waits finds out through
// the holder's slot, takes the lock over, and is told so, for there may be something to complete.
//
// The word: the holder's slot + 1, or 0; bit 31: somebody sleeps; bit 30: the new process of a dead holder's slot is at it.

#include "memory/peer_slot.hpp"
#include "os/clock.hpp"
#include "os/mutex.hpp"

namespace gmem::memory {

class GMEM_CAPABILITY("mutex") FileLock final {
public:
    enum class Taken : std::uint8_t { clean, from_the_dead, timed_out };

    static constexpr os::Nanoseconds for_ever { INT64_MAX };

    // `mine` is the caller's slot, which is alive. Signals must be blocked. Not recursive, one holder thread.
    Taken lock(unsigned mine, PeerSlot const *slots, os::Nanoseconds longest) noexcept GMEM_ACQUIRE()
    {
        std::uint32_t expected { 0 };
        if (word_.compare_exchange_strong(expected, mine + 1, std::memory_order_acquire)) [[likely]]
            return Taken::clean;
        return lock_contended(mine, slots, longest);
    }
    void unlock() noexcept GMEM_RELEASE()
    {
        if (word_.exchange(0, std::memory_order_release) & waiters) [[unlikely]]
            wake_one();
    }

    // The slot of whoever holds it now, or -1: for messages.
    int holder() const noexcept { return static_cast<int>(word_.load(std::memory_order_relaxed) & holder_mask) - 1; }

    // For a process that has just moved into slot `mine`: did the one before die with the lock? Then it is the caller's now.
    bool inherit(unsigned mine) noexcept GMEM_NO_THREAD_SAFETY;

private:
    static constexpr std::uint32_t waiters { 1u << 31 }, inheriting { 1u << 30 }, holder_mask { inheriting - 1 };

    Taken lock_contended(unsigned mine, PeerSlot const *slots, os::Nanoseconds longest) noexcept;
    bool holder_is_dead(std::uint32_t seen, PeerSlot const *slots) const noexcept;
    void wake_one() noexcept;

    std::atomic<std::uint32_t> word_ { 0 };
};
static_assert(sizeof(FileLock) == 4);

} // namespace gmem::memory
