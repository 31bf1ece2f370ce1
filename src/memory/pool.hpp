#pragma once
// Where GuestMemory objects live: one reserved array, type-stable, so a table entry may be read without a lock.

#include "memory/guest_memory.hpp"

#include <span>

namespace gmem::memory {

class Pool final {
public:
    static constexpr std::size_t most { 16384 };

    // A free object with one reference, or ENOMEM. It is free again when its last reference is released.
    static Result<GuestMemory *> take() noexcept;

    // Every object that was ever used; ask in_use() of each.
    static std::span<GuestMemory> ever_used() noexcept;

    static GuestMemory &at(std::size_t index) noexcept { return objects_[index]; }
    static std::size_t index_of(GuestMemory const &g) noexcept { return static_cast<std::size_t>(&g - objects_); }

    static os::Mutex &lock() noexcept { return lock_; }

private:
    static GuestMemory *hand_out(GuestMemory &g) noexcept;

    static os::Mutex lock_;
    static GuestMemory *objects_;
    static std::size_t high_; // objects below were used at least once
};

// Calls visit(file) for each file of this process that `owner` made; it is kept meanwhile.
template <typename Visit>
void for_each_file_of(Owner owner, Visit &&visit) noexcept
{
    for (auto &g : Pool::ever_used())
        if (g.try_acquire()) {
            if (g.owner() == owner)
                visit(g);
            g.release();
        }
}

} // namespace gmem::memory
