#pragma once
// Which object outside of gmem holds which pages for this process: a device that maps them, a ring, a pipe, a call under way
// (docs/pins.md). The pages are pinned in their gmem's PinTable; here stands what the pins belong to, so that they go when it goes.
//
// Invariants (audit() proves them):
//   H1  a record in use holds one reference to its file, and stands for one pin of this process with the record's token.
//   H2  records at or above high_ are not in use.
//   H3  live_ counts the records in use.
//   H4  the bit of every descriptor that a record names is set; it may stay set for longer.
//
// lock_ is innermost: nothing else is taken under it. A forked child has none of this: pins belong to its parent.

#include "memory/guest_memory.hpp"
#include "os/address_range.hpp"
#include "os/mutex.hpp"
#include "os/signals.hpp"

namespace gmem::memory {

// What holds: the object's descriptor (-1: it has none), something inside the object, and a name for each of what that holds.
struct HoldKey final {
    PinKind kind;
    int descriptor;
    std::uint64_t group; // an address space of iommufd, a context of asynchronous I/O
    std::uint64_t tag;   // an I/O address, a buffer's index, a byte of a pipe, a number of a notification
};

class Holds final {
public:
    static constexpr std::size_t most { 65536 };

    // One load: nothing is held by anybody.
    static bool empty() noexcept { return live_.load(std::memory_order_acquire) == 0; }
    // Could anything be held through this descriptor? Wait-free, conservative.
    static bool may_be_held_by(int descriptor) noexcept;

    // The first descriptor of [first, last] of which that is true, or -1.
    static int first_in(unsigned first, unsigned last) noexcept;
    // Does it hold something, and as a pipe?
    enum class Held : std::uint8_t { nothing, something, in_pipe };
    static Held held_by(int descriptor) noexcept;

    // What `kind` knows the open file description behind `descriptor` by: a duplicate's number, or the number itself.
    static int number_of(PinKind kind, int descriptor) noexcept;

    // The tags [first, last] of one group.
    static unsigned drop(PinKind kind, int descriptor, std::uint64_t group, std::uint64_t first, std::uint64_t last) noexcept;
    static void drop_group(PinKind kind, int descriptor, std::uint64_t group) noexcept;
    static void drop_all(PinKind kind) noexcept;

    // A descriptor is about to go: its holds move to another one of the same description, or to a number that no descriptor has, so
    // that whoever gets the freed number does not get them too.
    static int new_orphan() noexcept { return next_orphan_.fetch_sub(1, std::memory_order_relaxed); }
    static void move(int from, int to) noexcept;
    static void drop_descriptor(int descriptor) noexcept;

    // Drops what pipes have passed on, which nobody told us. How many holds went. Before a conversion asks the pins.
    static unsigned settle() noexcept;
    // Another question to ask then, for whoever else is not told. How many holds it dropped.
    using Settler = unsigned (*)() noexcept;
    static void settle_also(Settler settler) noexcept { settler_.store(settler, std::memory_order_release); }

    // Where the held bytes with this tag can be seen.
    static std::optional<os::AddressRange> view_of(PinKind kind, std::uint64_t tag) noexcept;

    static void forget_after_fork() noexcept;
    static os::Mutex &lock() noexcept GMEM_RETURNS_LOCK(lock_) { return lock_; }

    static char const *audit() noexcept;

private:
    friend class Hold;

    struct Record final {
        GuestMemory *file; // null: free
        std::uint64_t first, last;
        HoldKey key;
        std::uint64_t token;
        std::uint64_t taker; // the Hold that has not kept it yet; 0: kept
        std::uint32_t part;
    };

    static constexpr int first_orphan { -2 }; // -1 is "no descriptor"

    static Status add(GuestMemory &file, PageRange r, HoldKey const &key, std::uint64_t taker, std::uint32_t part) noexcept;
    template <typename Which>
    static unsigned drop_where(Which which) noexcept;
    template <typename Visit>
    static void for_each_locked(Visit visit) noexcept GMEM_REQUIRES(lock_);
    static void mark(int descriptor) noexcept;
    static void settle_pipe(int descriptor, unsigned &dropped) noexcept;

    static os::Mutex lock_;
    static Record *records_;
    static std::size_t high_;
    static std::atomic<std::size_t> live_;
    static std::atomic<std::uint64_t> next_token_;
    static std::atomic<int> next_orphan_;
    static std::atomic<Settler> settler_;
};

template <typename Visit>
void Holds::for_each_locked(Visit visit) noexcept
{
    for (std::size_t i { 0 }; i < high_; ++i)
        if (records_[i].file)
            visit(records_[i]);
}

// The pin goes after the record, and outside the lock: a gmem's lock is outer to ours.
template <typename Which>
unsigned Holds::drop_where(Which which) noexcept
{
    unsigned dropped { 0 };
    if (empty()) [[likely]]
        return dropped;
    os::SignalsBlocked blocked;
    for (std::size_t i { 0 };; ++i) {
        Record gone {};
        {
            os::Locked guard { lock_ };
            while (i < high_ && !(records_[i].file && which(records_[i])))
                ++i;
            if (i >= high_)
                return dropped;
            gone = records_[i];
            records_[i].file = nullptr;
            if (live_.fetch_sub(1, std::memory_order_release) == 1)
                high_ = 0;
        }
        gone.file->unpin_all(gone.key.kind, gone.token);
        gone.file->release();
        ++dropped;
    }
}

} // namespace gmem::memory
