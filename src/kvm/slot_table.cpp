#include "kvm/slot_table.hpp"

#include "os/mapping_calls.hpp"

#include <algorithm>

namespace gmem::kvm {
namespace {

bool overlap(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) noexcept { return a < b + b_size && b < a + a_size; }

} // namespace

Status SlotTable::reserve() noexcept
{
    GMEM_TRY(memory, os::map_anonymous(address_spaces * most_slots * sizeof(Slot), MAP_PRIVATE));
    slots_ = reinterpret_cast<Slot *>(memory);
    return Ok {};
}

void SlotTable::clear() noexcept
{
    auto const begin { reinterpret_cast<std::uintptr_t>(slots_) };
    if (slots_)
        os::unmap({ begin, begin + address_spaces * most_slots * sizeof(Slot) });
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

Slot const *SlotTable::holding(std::uint64_t gpa) const noexcept
{
    for (auto const &s : ever_used(0))
        if (s.exists() && gpa - s.gpa < s.size)
            return &s;
    return nullptr;
}

bool SlotTable::overlaps_in_guest(std::uint32_t slot, std::uint64_t gpa, std::uint64_t size) const noexcept
{
    auto const all { ever_used(slot >> 16) };
    for (std::size_t i { 0 }; i < all.size(); ++i)
        if (i != (slot & 0xffff) && all[i].exists() && overlap(all[i].gpa, all[i].size, gpa, size))
            return true;
    return false;
}

bool SlotTable::overlaps_in_file(memory::GuestMemory const &file, std::uint64_t offset, std::uint64_t size) const noexcept
{
    for (std::uint32_t space { 0 }; space < address_spaces; ++space)
        for (auto const &s : ever_used(space))
            if (s.file == &file && s.file_alive() && overlap(s.file_offset, s.size, offset, size))
                return true;
    return false;
}

std::size_t SlotTable::bindings_of(memory::GuestMemory const &file) const noexcept
{
    std::size_t n { 0 };
    for (std::uint32_t space { 0 }; space < address_spaces; ++space)
        for (auto const &s : ever_used(space))
            n += s.file == &file && s.file_alive();
    return n;
}

std::size_t SlotTable::pointing_into(os::AddressRange whole_view) const noexcept
{
    std::size_t n { 0 };
    for (std::uint32_t space { 0 }; space < address_spaces; ++space)
        for (auto const &s : ever_used(space))
            n += s.bound() && s.whole_view == whole_view;
    return n;
}

char const *SlotTable::audit() noexcept
{
    for (std::uint32_t space { 0 }; space < address_spaces; ++space) {
        auto const all { ever_used(space) };
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
    return nullptr;
}

} // namespace gmem::kvm
