#pragma once
// Where in guest memory gmem's memslots are, readable without a lock: an MMIO exit of a device asks this and pays a few loads.
//
// Invariants:
//   R1  a range that was added and not yet removed is found by may_hold(). One that is being changed may be found or not.

#include <atomic>
#include <cstdint>

namespace gmem::kvm {

class GuestRanges final {
public:
    // One writer at a time (the VM's lock).
    void add(std::uint64_t begin, std::uint64_t size) noexcept
    {
        for (auto &r : ranges_)
            if (r.end.load(std::memory_order_relaxed) == 0) {
                r.begin.store(begin, std::memory_order_relaxed);
                r.end.store(begin + size, std::memory_order_release);
                return;
            }
        overflow_.store(true, std::memory_order_release); // for ever: from now on everybody takes the slow way
    }
    void remove(std::uint64_t begin) noexcept
    {
        for (auto &r : ranges_)
            if (r.end.load(std::memory_order_relaxed) != 0 && r.begin.load(std::memory_order_relaxed) == begin)
                return r.end.store(0, std::memory_order_release);
    }

    bool may_hold(std::uint64_t gpa) const noexcept
    {
        for (auto const &r : ranges_)
            if (gpa < r.end.load(std::memory_order_acquire) && gpa >= r.begin.load(std::memory_order_relaxed))
                return true;
        return overflow_.load(std::memory_order_acquire);
    }

private:
    struct Range final {
        std::atomic<std::uint64_t> begin { 0 }, end { 0 }; // end 0: free
    };
    Range ranges_[16];
    std::atomic<bool> overflow_ { false };
};

} // namespace gmem::kvm
