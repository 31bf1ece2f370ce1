#pragma once
// Who holds pages of a gmem for a device, a ring or a call under way: a table in the control block, because a page that one process has
// pinned may not be converted by another. User space cannot read a folio's reference count: these are the pins that gmem saw
// being taken (docs/pins.md).
//
// Invariants (audit() proves them):
//   I1  a record in use has an owner's slot and a range inside the file.
//   I2  records at or above high() were never used.
//   I3  live() counts the records in use.
//
// Everything happens under the gmem's lock. Pins of a dead process count for nothing and are dropped when they are met.

#include "base/result.hpp"
#include "memory/peer_slot.hpp"

#include <atomic>

namespace gmem::memory {

enum class PinKind : std::uint16_t { none, api, dma_map, ring_buffer, pipe, asynchronous, direct_io, test };

constexpr char const *name(PinKind k) noexcept
{
    switch (k) {
    case PinKind::none:         return "none";
    case PinKind::api:          return "gmem_pin";
    case PinKind::dma_map:      return "DMA map";
    case PinKind::ring_buffer:  return "io_uring buffer";
    case PinKind::pipe:         return "vmsplice";
    case PinKind::asynchronous: return "I/O in flight";
    case PinKind::direct_io:    return "O_DIRECT call";
    case PinKind::test:         return "gup_test";
    }
    __builtin_unreachable();
}

struct PinRecord final {
    std::uint64_t first, last; // pages [first, last)
    std::uint32_t owner;       // slot + 1; 0: free
    PinKind kind;
    std::uint16_t left_behind; // 1: the pages were punched out of the file; only their pinner still has them (specification 4.4)
    std::uint64_t token;       // the owner's: what the pin belongs to
};
static_assert(sizeof(PinRecord) == 32);

struct PinCounts final {
    std::atomic<std::uint32_t> live, high;
};

class PinTable final {
public:
    static constexpr std::uint32_t most { 65536 };
    static constexpr std::size_t bytes { most * sizeof(PinRecord) };

    PinTable(std::byte *base, PinCounts &counts) noexcept : records_ { reinterpret_cast<PinRecord *>(base) }, counts_ { counts } {}

    // One load: the usual answer of a file that nobody pinned.
    bool empty() const noexcept { return counts_.live.load(std::memory_order_acquire) == 0; }
    std::uint32_t live() const noexcept { return counts_.live.load(std::memory_order_acquire); }

    // Where the next record will lie, for whoever makes that memory resident; empty when the table is full.
    std::optional<std::size_t> next_offset() const noexcept;

    // next_offset() was not empty and is resident.
    void add(PinRecord const &pin) noexcept;

    // Drops one pin of `owner` with exactly this range and kind and token, or what a punch hole cut it into. False: there is none.
    bool remove(PinRecord const &pin) noexcept;
    // Drops every pin of `owner` with this kind and token. The number dropped.
    std::uint32_t remove_all(unsigned owner_slot, PinKind kind, std::uint64_t token) noexcept;
    void remove_all_of(unsigned owner_slot) noexcept;

    // `r` was punched: its pages are no longer the file's. `room` makes the memory of one more record resident; where it cannot, a
    // pin that would be cut in pieces stays whole.
    template <typename Room>
    void leave_behind(PageRange r, Room room) noexcept;

    struct Held final {
        PageNo page;
        PinKind kind;
        unsigned owner_slot;
    };
    // The first page of `r` that somebody alive has pinned.
    std::optional<Held> first_held(PageRange r, PeerSlot const *slots) noexcept;

    char const *audit(PageNo pages) const noexcept;

private:
    void drop(std::uint32_t index) noexcept;
    bool remove_pieces(PinRecord const &pin) noexcept;
    std::uint32_t high() const noexcept { return counts_.high.load(std::memory_order_relaxed); }
    std::uint32_t free_index() const noexcept;

    PinRecord *records_;
    PinCounts &counts_;
};

template <typename Room>
void PinTable::leave_behind(PageRange r, Room room) noexcept
{
    for (std::uint32_t i { 0 }, end { high() }; i < end; ++i) {
        auto const whole { records_[i] };
        auto const range { whole.owner != 0 && !whole.left_behind ? PageRange::make(PageNo { whole.first }, PageNo { whole.last }) : std::nullopt };
        auto const gone { range ? range->intersect(r) : std::nullopt };
        if (!gone)
            continue;
        PinRecord before { whole }, after { whole };
        before.last = gone->first().index();
        after.first = gone->last().index();
        bool pieces { true };
        for (auto const &piece : { before, after })
            if (piece.first < piece.last && (pieces = pieces && room()))
                add(piece);
        if (!pieces)
            continue; // what was added already counts twice, and goes with the whole
        records_[i].first = gone->first().index();
        records_[i].last = gone->last().index();
        records_[i].left_behind = 1;
    }
}

} // namespace gmem::memory
