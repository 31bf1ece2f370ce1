#pragma once
// The memslots of one VM, as far as gmem must know them: where they are in guest memory, and what file they show.
//
// Invariants (audit() proves them):
//   L1  slots of one address space do not overlap in guest memory (the real KVM refuses them before we record).
//   L2  bindings of one file do not overlap in the file.
//   L3  the orders hold the slots that exist, and those that are bound.

#include "base/result.hpp"
#include "kvm/real_slots.hpp"
#include "kvm/slot_order.hpp"
#include "memory/guest_memory.hpp"
#include "os/address_range.hpp"

#include <span>

namespace gmem::kvm {

struct Slot final {
    std::uint64_t gpa { 0 };
    std::uint64_t size { 0 }; // 0: no such slot
    std::uint64_t file_offset { 0 };
    memory::GuestMemory *file { nullptr }; // not a reference: the slot does not hold the file
    std::uint64_t file_inode { 0 };        // tells the file from another one in the same object
    std::uintptr_t view { 0 };             // of the file, from file_offset on
    os::AddressRange whole_view {};        // of the file: kept while a slot points into it, also when the file has gone
    std::uintptr_t userspace { 0 };        // the program's address
    std::uint32_t flags { 0 };             // as the program gave them
    bool only_file { false };              // every guest access goes to the file (KVM_MEMSLOT_GMEM_ONLY)
    std::uint32_t pieces { RealSlots::none }; // the real slots that it is, where it is more than one

    bool exists() const noexcept { return size != 0; }
    bool bound() const noexcept { return file != nullptr; }
    bool file_alive() const noexcept { return bound() && file->in_use() && file->facts().inode == file_inode; }
};

class SlotTable final {
public:
    static constexpr std::uint32_t most_slots { 32768 }, address_spaces { 2 };

    // Memory for the table; ENOMEM.
    Status reserve() noexcept;
    void clear() noexcept;

    // To be changed by put() and move(), as far as its place and its file are concerned.
    Slot &operator[](std::uint32_t slot) noexcept;
    void put(Slot &slot, Slot const &next) noexcept;
    void move(Slot &slot, std::uint64_t gpa) noexcept;
    // Of a slot of address space 0; those of the other follow.
    std::uint32_t number_of(Slot const &slot) const noexcept { return static_cast<std::uint32_t>(&slot - slots_); }

    // The slot of address space 0 that shows `gpa`; nullptr: none.
    Slot const *holding(std::uint64_t gpa) const noexcept;

    // Does a slot of the same address space, other than `slot`, overlap [gpa, gpa + size)?
    bool overlaps_in_guest(std::uint32_t slot, std::uint64_t gpa, std::uint64_t size) const noexcept;
    // Is a part of the file's [offset, offset + size) bound already?
    bool overlaps_in_file(memory::GuestMemory const &file, std::uint64_t offset, std::uint64_t size) const noexcept;
    // Is no other slot bound to the same file, whether it lives or not?
    bool alone_on_file(Slot const &slot) const noexcept;

    std::span<Slot const> ever_used(std::uint32_t address_space) const noexcept { return { slots_ + address_space * most_slots, high_[address_space] }; }
    std::span<Slot> ever_used(std::uint32_t address_space) noexcept { return { slots_ + address_space * most_slots, high_[address_space] }; }
    char const *audit() noexcept;

private:
    static constexpr std::size_t all_slots { address_spaces * most_slots };
    static constexpr std::size_t bytes { all_slots * sizeof(Slot) + 2 * SlotOrder::bytes_for(all_slots) };

    SlotOrder &by_gpa_of(Slot const &slot) noexcept { return by_gpa_[number_of(slot) / most_slots]; }
    std::size_t gpa_position(SlotOrder const &order, std::uint64_t gpa) const noexcept;
    std::size_t file_position(memory::GuestMemory const *file, std::uint64_t inode, std::uint64_t offset) const noexcept;
    bool same_file(std::size_t at, Slot const &slot) const noexcept;
    void enter(Slot const &slot) noexcept;
    void leave(Slot const &slot) noexcept;

    Slot *slots_ { nullptr };
    std::uint32_t high_[address_spaces] { 0, 0 };
    SlotOrder by_gpa_[address_spaces], by_file_;
};

} // namespace gmem::kvm
