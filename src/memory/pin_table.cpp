#include "memory/pin_table.hpp"

namespace gmem::memory {

std::uint32_t PinTable::free_index() const noexcept
{
    if (live() < high()) // there is a gap
        for (std::uint32_t i { 0 }; i < high(); ++i)
            if (records_[i].owner == 0)
                return i;
    return high();
}

std::optional<std::size_t> PinTable::next_offset() const noexcept
{
    auto const i { free_index() };
    return i < most ? std::optional { i * sizeof(PinRecord) } : std::nullopt;
}

void PinTable::add(PinRecord const &pin) noexcept
{
    auto const i { free_index() };
    auto &record { records_[i] };
    record.first = pin.first;
    record.last = pin.last;
    record.kind = pin.kind;
    record.left_behind = pin.left_behind;
    record.token = pin.token;
    // The counts before the owner: whoever dies in between leaves a gap, never a pin that nobody sees.
    if (i == high())
        counts_.high.store(i + 1, std::memory_order_relaxed);
    counts_.live.fetch_add(1, std::memory_order_release);
    record.owner = pin.owner;
}

void PinTable::drop(std::uint32_t index) noexcept
{
    records_[index].owner = 0;
    counts_.live.fetch_sub(1, std::memory_order_release);
}

bool PinTable::remove(PinRecord const &pin) noexcept
{
    for (std::uint32_t i { 0 }; i < high(); ++i) {
        auto const &r { records_[i] };
        if (r.owner == pin.owner && r.kind == pin.kind && r.token == pin.token && r.first == pin.first && r.last == pin.last) {
            drop(i);
            return true;
        }
    }
    return remove_pieces(pin);
}

bool PinTable::remove_pieces(PinRecord const &pin) noexcept
{
    bool cut { false };
    auto const is_piece { [&pin](PinRecord const &r) noexcept {
        return r.owner == pin.owner && r.kind == pin.kind && r.token == pin.token && pin.first <= r.first && r.last <= pin.last;
    } };
    for (std::uint32_t i { 0 }; i < high(); ++i)
        cut |= is_piece(records_[i]) && records_[i].left_behind;
    for (std::uint32_t i { 0 }; cut && i < high(); ++i)
        if (is_piece(records_[i]))
            drop(i);
    return cut;
}

std::uint32_t PinTable::remove_all(unsigned owner_slot, PinKind kind, std::uint64_t token) noexcept
{
    std::uint32_t dropped { 0 };
    for (std::uint32_t i { 0 }; i < high(); ++i)
        if (records_[i].owner == owner_slot + 1 && records_[i].kind == kind && records_[i].token == token) {
            drop(i);
            ++dropped;
        }
    return dropped;
}

void PinTable::remove_all_of(unsigned owner_slot) noexcept
{
    std::uint32_t live { 0 };
    for (std::uint32_t i { 0 }; i < high(); ++i) {
        if (records_[i].owner == owner_slot + 1)
            records_[i].owner = 0;
        live += records_[i].owner != 0;
    }
    counts_.live.store(live, std::memory_order_release); // also right again if the dead left it wrong
}

std::optional<PinTable::Held> PinTable::first_held(PageRange r, PeerSlot const *slots) noexcept
{
    if (empty()) [[likely]]
        return std::nullopt;
    std::optional<Held> found;
    for (std::uint32_t i { 0 }; i < high(); ++i) {
        auto const &record { records_[i] };
        if (record.owner == 0 || record.left_behind)
            continue;
        auto const range { PageRange::make(PageNo { record.first }, PageNo { record.last }) };
        auto const common { range ? range->intersect(r) : std::nullopt };
        if (!common || (found && !(common->first() < found->page)))
            continue;
        auto const owner { record.owner - 1 };
        if (owner >= most_peers || !os::holder_lives(__atomic_load_n(&slots[owner].liveness, __ATOMIC_ACQUIRE))) {
            remove_all_of(owner);
            continue;
        }
        found = Held { common->first(), record.kind, owner };
    }
    return found;
}

char const *PinTable::audit(PageNo pages) const noexcept
{
    std::uint32_t live { 0 };
    for (std::uint32_t i { 0 }; i < high(); ++i) {
        auto const &r { records_[i] };
        if (r.owner == 0)
            continue;
        ++live;
        if (r.owner > most_peers || r.first >= r.last || r.last > pages.index())
            return "I1: a pin without an owner or outside the file";
    }
    if (high() > most)
        return "I2: more pins than the table holds";
    return live == this->live() ? nullptr : "I3: the number of pins is wrong";
}

} // namespace gmem::memory
