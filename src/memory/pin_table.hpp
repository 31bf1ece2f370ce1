#pragma once
// Who holds pages of a gmem for a device, a ring or a call under way: a table in the control block, because a page that one process has
// pinned may not be converted by another. User space cannot read a folio's reference count: these are the pins that gmem saw
// being taken (docs/pins.md).
//
// Invariants (audit() proves them):
//   I1  a record in use has an owner's slot, a range inside the file, and holds nothing outside of that range.
//   I2  records at or above high() were never used.
//   I3  live() counts the records in use.
//
// A page that is punched is not the pinned one any more: that goes on for its pinner only (specification 4.4). The record then
// holds less than its range, which unpin() still knows it by; where a part in the middle goes, another record holds the rest.
//
// Everything happens under the gmem's lock. Pins of a dead process count for nothing and are dropped when they are met.

#include "base/result.hpp"
#include "memory/peer_slot.hpp"

#include <atomic>

namespace gmem::memory {

enum class PinKind : std::uint32_t { none, api, dma_map, ring_buffer, pipe, asynchronous, direct_io, test };

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
    std::uint64_t first, last; // pages [first, last), as they were pinned
    std::uint32_t owner;       // slot + 1; 0: free
    PinKind kind;
    std::uint64_t token;       // the owner's: what the pin belongs to
    std::uint64_t held_first, held_last; // what is left of them; may be nothing
    std::uint64_t rest_of { 0 };         // index + 1 of the record that was split; 0: it stands for itself
    std::uint64_t unused { 0 };
};
static_assert(sizeof(PinRecord) == 64);

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

    // The pages of `r` were punched. `room()` makes the next record resident; where it cannot, a pin goes on holding too much.
    template <typename Room>
    void detach(PageRange r, Room &&room) noexcept
    {
        if (empty()) [[likely]]
            return;
        for (std::uint32_t i { 0 }, end { high() }; i < end; ++i) // what is added meanwhile lies outside of r
            if (records_[i].owner != 0 && (!detaching_splits(i, r) || room()))
                detach_one(i, r);
    }

    // Drops one pin of `owner` with exactly this range and kind and token: of several the one that holds least, so that pages stay held
    // until the last has gone. False: there is none.
    bool remove(PinRecord const &pin) noexcept;
    // Drops every pin of `owner` with this kind and token. The number dropped.
    std::uint32_t remove_all(unsigned owner_slot, PinKind kind, std::uint64_t token) noexcept;
    void remove_all_of(unsigned owner_slot) noexcept;

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
    std::uint64_t held_by(std::uint32_t index) const noexcept; // pages of one pin
    bool detaching_splits(std::uint32_t index, PageRange r) const noexcept;
    void detach_one(std::uint32_t index, PageRange r) noexcept;
    std::uint32_t high() const noexcept { return counts_.high.load(std::memory_order_relaxed); }
    std::uint32_t free_index() const noexcept;

    PinRecord *records_;
    PinCounts &counts_;
};

} // namespace gmem::memory
