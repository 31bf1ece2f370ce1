#include "kvm/slot_table.hpp"

#include "os/mapping_calls.hpp"

#include <algorithm>
#include <tuple>

namespace gmem::kvm {
namespace {

bool overlap(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) noexcept { return a < b + b_size && b < a + a_size; }

} // namespace

Status SlotTable::reserve() noexcept
{
    GMEM_TRY(memory, os::map_anonymous(bytes, MAP_PRIVATE));
    slots_ = reinterpret_cast<Slot *>(memory);
    auto *const numbers { reinterpret_cast<std::uint32_t *>(slots_ + all_slots) };
    for (std::uint32_t space { 0 }; space < address_spaces; ++space)
        by_gpa_[space].use(numbers + space * most_slots);
    by_file_.use(numbers + all_slots);
    return Ok {};
}

void SlotTable::clear() noexcept
{
    auto const begin { reinterpret_cast<std::uintptr_t>(slots_) };
    if (slots_)
        os::unmap({ begin, begin + bytes });
    slots_ = nullptr;
    high_[0] = high_[1] = 0;
}

Slot &SlotTable::operator[](std::uint32_t slot) noexcept
{
    auto const space { slot >> 16 };
    auto const index { slot & 0xffff };
    high_[space] = std::max(high_[space], index + 1);
    return slots_[space * most_slots + index];
}

// The first slot of the order that begins at `gpa` or behind it.
std::size_t SlotTable::gpa_position(SlotOrder const &order, std::uint64_t gpa) const noexcept
{
    return order.position([this, gpa](std::uint32_t n) noexcept { return slots_[n].gpa < gpa; });
}

// The first binding of the file that begins at `offset` or behind it, or what comes after the file.
std::size_t SlotTable::file_position(memory::GuestMemory const *file, std::uint64_t inode, std::uint64_t offset) const noexcept
{
    return by_file_.position([this, wanted = std::tuple { file, inode, offset }](std::uint32_t n) noexcept {
        return std::tuple<memory::GuestMemory const *, std::uint64_t, std::uint64_t> { slots_[n].file, slots_[n].file_inode, slots_[n].file_offset } < wanted;
    });
}

void SlotTable::enter(Slot const &slot) noexcept
{
    auto &order { by_gpa_of(slot) };
    order.insert(gpa_position(order, slot.gpa), number_of(slot));
    if (slot.bound())
        by_file_.insert(file_position(slot.file, slot.file_inode, slot.file_offset), number_of(slot));
}

void SlotTable::leave(Slot const &slot) noexcept
{
    auto &order { by_gpa_of(slot) };
    order.remove(gpa_position(order, slot.gpa));
    if (slot.bound())
        by_file_.remove(file_position(slot.file, slot.file_inode, slot.file_offset));
}

void SlotTable::put(Slot &slot, Slot const &next) noexcept
{
    if (slot.exists())
        leave(slot);
    slot = next;
    if (slot.exists())
        enter(slot);
}

void SlotTable::move(Slot &slot, std::uint64_t gpa) noexcept
{
    leave(slot);
    slot.gpa = gpa;
    enter(slot);
}

Slot const *SlotTable::holding(std::uint64_t gpa) const noexcept
{
    auto const &order { by_gpa_[0] };
    auto const behind { order.position([this, gpa](std::uint32_t n) noexcept { return slots_[n].gpa <= gpa; }) };
    if (behind == 0)
        return nullptr;
    auto const &s { slots_[order[behind - 1]] };
    return gpa - s.gpa < s.size ? &s : nullptr;
}

// Slots do not overlap, so they end in the order in which they begin: the last that begins before the end of the range decides, or the
// one before it where that is the slot itself.
bool SlotTable::overlaps_in_guest(std::uint32_t slot, std::uint64_t gpa, std::uint64_t size) const noexcept
{
    auto const space { slot >> 16 };
    auto const self { space * most_slots + (slot & 0xffff) };
    auto const &order { by_gpa_[space] };
    auto at { gpa_position(order, gpa + size) };
    if (at > 0 && order[at - 1] == self)
        --at;
    return at > 0 && overlap(slots_[order[at - 1]].gpa, slots_[order[at - 1]].size, gpa, size);
}

bool SlotTable::overlaps_in_file(memory::GuestMemory const &file, std::uint64_t offset, std::uint64_t size) const noexcept
{
    auto const inode { file.facts().inode };
    auto const at { file_position(&file, inode, offset + size) };
    if (at == 0)
        return false;
    auto const &s { slots_[by_file_[at - 1]] };
    return s.file == &file && s.file_inode == inode && overlap(s.file_offset, s.size, offset, size);
}

bool SlotTable::same_file(std::size_t at, Slot const &slot) const noexcept
{
    if (at >= by_file_.count())
        return false;
    auto const &other { slots_[by_file_[at]] };
    return other.file == slot.file && other.file_inode == slot.file_inode;
}

bool SlotTable::alone_on_file(Slot const &slot) const noexcept
{
    auto const at { file_position(slot.file, slot.file_inode, slot.file_offset) };
    return !same_file(at + 1, slot) && (at == 0 || !same_file(at - 1, slot));
}

char const *SlotTable::audit() noexcept
{
    std::size_t bound { 0 };
    for (std::uint32_t space { 0 }; space < address_spaces; ++space) {
        auto const all { ever_used(space) };
        if (static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](Slot const &s) { return s.exists(); })) != by_gpa_[space].count())
            return "L3: a memslot is missing in the order by address";
        bound += static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](Slot const &s) { return s.bound(); }));
        for (std::size_t i { 0 }; i < all.size(); ++i)
            for (std::size_t j { i + 1 }; j < all.size(); ++j) {
                if (!all[i].exists() || !all[j].exists())
                    continue;
                if (overlap(all[i].gpa, all[i].size, all[j].gpa, all[j].size))
                    return "L1: memslots overlap in guest memory";
                if (all[i].file_alive() && all[i].file == all[j].file && all[j].file_alive() && overlap(all[i].file_offset, all[i].size, all[j].file_offset, all[j].size))
                    return "L2: bindings overlap in the file";
            }
    }
    return bound == by_file_.count() ? nullptr : "L3: a binding is missing in the order by file";
}

} // namespace gmem::kvm
