#pragma once
// All host windows of this process, ordered by address.
//
// Invariants (audit() proves them):
//   T1  windows are not empty, page aligned, ordered by address and disjoint.
//   T2  every window's file is in use, and under userfaultfd it has native pages.
//   T3  bounds() contains every window; it may be larger until the table is empty.

#include "base/text.hpp"
#include "memory/window.hpp"
#include "base/result.hpp"

#include <atomic>
#include <span>

namespace gmem::memory {

// Not locked: Space owns one and its lock. Only `may_touch` may be called without.
class WindowTable final {
public:
    static constexpr std::size_t most_windows { 65536 };

    // As plain data, for the agent thread.
    struct Records final {
        Window *first;
        std::size_t count;
    };
    Records const &records() const noexcept { return records_; }

    std::span<Window> all() noexcept { return { records_.first, records_.count }; }

    // The windows that overlap `r`.
    std::span<Window> overlapping(os::AddressRange r) noexcept;
    Window *at(std::uintptr_t address) noexcept;

    // Room for `more` windows, or ENOMEM: asked before anything is changed.
    Status reserve(std::size_t more) noexcept;

    // reserve() must have made room; the addresses must be free in the table. The references of `w` pass to the table.
    void insert(Window const &w) noexcept;

    // Makes window boundaries at both ends of `r`, so that whole records lie inside it. Needs room for 2.
    void split_at_ends_of(os::AddressRange r) noexcept;

    // Removes the record without releasing its references.
    void erase(Window *w) noexcept;

    // Could `r` touch a window? Wait-free and conservative: for calls that are mostly about foreign memory.
    bool may_touch(os::AddressRange r) const noexcept
    {
        return r.begin < high_.load(std::memory_order_acquire) && low_.load(std::memory_order_acquire) < r.end;
    }

    // nullptr: healthy; otherwise the broken invariant.
    char const *audit() noexcept;
    void dump(Text &out) noexcept;

private:
    void split_at(std::uintptr_t address) noexcept;

    Records records_ { nullptr, 0 };
    std::atomic<std::uintptr_t> low_ { ~std::uintptr_t { 0 } };
    std::atomic<std::uintptr_t> high_ { 0 };
};

} // namespace gmem::memory
