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
    record.token = pin.token;
    record.held_first = pin.held_first;
    record.held_last = pin.held_last;
    record.rest_of = pin.rest_of;
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

std::uint64_t PinTable::held_by(std::uint32_t index) const noexcept
{
    auto const &head { records_[index] };
    auto pages { head.held_last - head.held_first };
    for (std::uint32_t i { 0 }; i < high(); ++i)
        if (records_[i].owner == head.owner && records_[i].rest_of == index + 1)
            pages += records_[i].held_last - records_[i].held_first;
    return pages;
}

bool PinTable::remove(PinRecord const &pin) noexcept
{
    auto least { high() };
    for (std::uint32_t i { 0 }; i < high(); ++i) {
        auto const &r { records_[i] };
        if (r.owner == pin.owner && r.rest_of == 0 && r.kind == pin.kind && r.token == pin.token && r.first == pin.first && r.last == pin.last
            && (least == high() || held_by(i) < held_by(least)))
            least = i;
    }
    if (least == high())
        return false;
    for (std::uint32_t rest { 0 }; rest < high(); ++rest)
        if (records_[rest].owner == pin.owner && records_[rest].rest_of == least + 1)
            drop(rest);
    drop(least);
    return true;
}

bool PinTable::detaching_splits(std::uint32_t index, PageRange r) const noexcept
{
    auto const &record { records_[index] };
    return record.held_first < r.first().index() && r.last().index() < record.held_last;
}

void PinTable::detach_one(std::uint32_t index, PageRange r) noexcept
{
    auto &record { records_[index] };
    auto const first { r.first().index() }, last { r.last().index() };
    if (last <= record.held_first || record.held_last <= first)
        return;
    if (detaching_splits(index, r)) { // the rest first: whoever dies in between has held too much, not too little
        auto rest { record };
        rest.held_first = last;
        rest.rest_of = record.rest_of != 0 ? record.rest_of : index + 1;
        add(rest);
        record.held_last = first;
    } else if (record.held_first < first) {
        record.held_last = first;
    } else if (last < record.held_last) {
        record.held_first = last;
    } else {
        record.held_last = record.held_first;
    }
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
        if (record.owner == 0)
            continue;
        auto const range { PageRange::make(PageNo { record.held_first }, PageNo { record.held_last }) };
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
        if (r.held_first < r.first || r.held_last < r.held_first || r.last < r.held_last)
            return "I1: a pin that holds what it did not ask for";
    }
    if (high() > most)
        return "I2: more pins than the table holds";
    return live == this->live() ? nullptr : "I3: the number of pins is wrong";
}

} // namespace gmem::memory
