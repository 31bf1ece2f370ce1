#pragma once
// The memslots of one VM, as far as gmem must know them: where they are in guest memory, and what file they show.
//
// Invariants (audit() proves them):
//   L1  slots of one address space do not overlap in guest memory (the real KVM refuses them before we record).
//   L2  bindings of one file do not overlap in the file.

#include "base/result.hpp"
#include "kvm/real_slots.hpp"
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

    Slot &operator[](std::uint32_t slot) noexcept;
    // Of a slot of address space 0.
    std::uint32_t number_of(Slot const &slot) const noexcept { return static_cast<std::uint32_t>(&slot - slots_); }

    // The slot of address space 0 that shows `gpa`; nullptr: none.
    Slot const *holding(std::uint64_t gpa) const noexcept;

    // Does a slot of the same address space, other than `slot`, overlap [gpa, gpa + size)?
    bool overlaps_in_guest(std::uint32_t slot, std::uint64_t gpa, std::uint64_t size) const noexcept;
    // Is a part of the file's [offset, offset + size) bound already?
    bool overlaps_in_file(memory::GuestMemory const &file, std::uint64_t offset, std::uint64_t size) const noexcept;
    // Slots that are bound to the living file.
    std::size_t bindings_of(memory::GuestMemory const &file) const noexcept;
    // Slots that point into the view, whether its file lives or not.
    std::size_t pointing_into(os::AddressRange whole_view) const noexcept;

    std::span<Slot> ever_used(std::uint32_t address_space) noexcept { return { slots_ + address_space * most_slots, high_[address_space] }; }
    char const *audit() noexcept;

private:
    std::span<Slot const> ever_used(std::uint32_t address_space) const noexcept { return { slots_ + address_space * most_slots, high_[address_space] }; }

    Slot *slots_ { nullptr };
    std::uint32_t high_[address_spaces] { 0, 0 };
};

} // namespace gmem::kvm
