#include "memory/file_lock.hpp"

namespace gmem::memory {
namespace {

constexpr os::Nanoseconds between_looks { os::milliseconds(10) };
// The threads of a killed process stop within microseconds of each other, not at the same instant.
constexpr os::Nanoseconds until_all_threads_are_gone { os::milliseconds(2) };

} // namespace

FileLock::Taken FileLock::lock_contended(unsigned mine, PeerSlot const *slots, os::Nanoseconds longest) noexcept
{
    // Most holders are done within microseconds: look a few times before going to sleep.
    for (int i { 0 }; i < 100; ++i) {
        std::uint32_t expected { 0 };
        if (word_.compare_exchange_weak(expected, mine + 1, std::memory_order_acquire))
            return Taken::clean;
        __builtin_ia32_pause();
    }
    auto const *const futex { reinterpret_cast<std::uint32_t const *>(&word_) };
    auto const begin { raw(os::now()) };
    for (;;) {
        auto seen { word_.load(std::memory_order_relaxed) };
        if (seen == 0) { // others may sleep: keep their mark
            if (word_.compare_exchange_weak(seen, (mine + 1) | waiters, std::memory_order_acquire))
                return Taken::clean;
            continue;
        }
        if (holder_is_dead(seen, slots)) {
            os::wait_on(futex, seen, until_all_threads_are_gone);
            if (word_.load(std::memory_order_relaxed) == seen && holder_is_dead(seen, slots)
                && word_.compare_exchange_strong(seen, (mine + 1) | waiters, std::memory_order_acquire))
                return Taken::from_the_dead;
            continue;
        }
        if (raw(os::now()) - begin >= raw(longest))
            return Taken::timed_out;
        if ((seen & waiters) || word_.compare_exchange_weak(seen, seen | waiters, std::memory_order_relaxed))
            os::wait_on(futex, seen | waiters, between_looks);
    }
}

bool FileLock::holder_is_dead(std::uint32_t seen, PeerSlot const *slots) const noexcept
{
    auto const holder { seen & holder_mask };
    return holder != 0 && holder <= most_peers && !os::holder_lives(__atomic_load_n(&slots[holder - 1].liveness, __ATOMIC_ACQUIRE));
}

bool FileLock::inherit(unsigned mine) noexcept
{
    auto seen { word_.load(std::memory_order_acquire) };
    while ((seen & holder_mask) == mine + 1)
        if (word_.compare_exchange_weak(seen, seen | inheriting, std::memory_order_acquire))
            return true;
    return false;
}

void FileLock::wake_one() noexcept { os::wake_one(reinterpret_cast<std::uint32_t const *>(&word_)); }

} // namespace gmem::memory
