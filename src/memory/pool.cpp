#include "memory/pool.hpp"

#include "os/mapping_calls.hpp"

#include <new>

namespace gmem::memory {

constinit os::Mutex Pool::lock_;
constinit GuestMemory *Pool::objects_ { nullptr };
constinit std::size_t Pool::high_ { 0 };

GuestMemory *Pool::hand_out(GuestMemory &g) noexcept
{
    g.references_.store(1, std::memory_order_relaxed);
    g.used_.store(true, std::memory_order_release);
    return &g;
}

Result<GuestMemory *> Pool::take() noexcept
{
    os::Locked guard { lock_ };
    if (!objects_) {
        GMEM_TRY(memory, os::map_anonymous(most * sizeof(GuestMemory), MAP_PRIVATE));
        objects_ = reinterpret_cast<GuestMemory *>(memory);
    }
    for (std::size_t i { 0 }; i < high_; ++i)
        if (!objects_[i].in_use())
            return hand_out(objects_[i]);
    if (high_ == most)
        return Error::of(Why::no_memory, "pool");
    auto *const fresh { ::new (objects_ + high_) GuestMemory };
    ++high_;
    return hand_out(*fresh);
}

std::span<GuestMemory> Pool::ever_used() noexcept { return { objects_, high_ }; }

} // namespace gmem::memory
