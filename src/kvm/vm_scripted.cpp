// A VM's memory as scripted vCPUs meet it: KVM's order of checks (guest_memfd specification 4.2), made anew for each access. The VM's lock keeps
// the memslot, the file's lock the attribute: a conversion waits for the access, as KVM's waits for what the guest has mapped.

#include "kvm/vm.hpp"
#include "memory/space.hpp"
#include "os/signals.hpp"
#include "os/user_memory.hpp"

#include <cstring>

namespace gmem::kvm {
namespace {

using platform::Access;
using platform::Side;
using scripted::Met;

constexpr Met mmio { Met::What::mmio, Side::shared, 0 };

Side side_of(Attribute a) noexcept { return a == Attribute::private_ ? Side::private_ : Side::shared; }

// One access for other vCPUs as well, where a processor's would be.
template <typename Word>
bool one_word(std::uintptr_t guest, Access access, void *bytes, std::size_t size) noexcept
{
    if (size != sizeof(Word) || guest % sizeof(Word) != 0)
        return false;
    auto *const at { reinterpret_cast<Word *>(guest) };
    Word word;
    if (access == Access::read) {
        word = __atomic_load_n(at, __ATOMIC_ACQUIRE);
        std::memcpy(bytes, &word, sizeof word);
    } else {
        std::memcpy(&word, bytes, sizeof word);
        __atomic_store_n(at, word, __ATOMIC_RELEASE);
    }
    return true;
}

void copy_view(std::uintptr_t guest, Access access, void *bytes, std::size_t size) noexcept
{
    if (one_word<std::uint64_t>(guest, access, bytes, size) || one_word<std::uint32_t>(guest, access, bytes, size) || one_word<std::uint16_t>(guest, access, bytes, size))
        return;
    auto *const at { reinterpret_cast<void *>(guest) };
    std::memcpy(access == Access::read ? bytes : at, access == Access::read ? at : bytes, size);
}

// The program's own mapping: it may be a window whose page the kernel has dropped, or nothing at all.
bool copy_program(std::uintptr_t program, Access access, void *bytes, std::size_t size) noexcept
{
    for (int attempt { 0 }; attempt < 8; ++attempt) {
        if (access == Access::read ? os::copy_from_program(bytes, program, size) : os::copy_to_program(program, bytes, size))
            return true;
        if (!memory::Space::recover_range(program, size))
            return false;
    }
    return false;
}

} // namespace

Met Vm::access_at(Slot const *slot, Attribute a, std::uint64_t gpa, scripted::Side side, Access access, void *bytes, std::size_t size) noexcept
{
    auto const is { has_private_memory() ? side_of(a) : Side::shared };
    auto const counts_as { has_private_memory() ? side.value_or(is) : Side::shared };
    if (counts_as != is)
        return Met::fault(counts_as);
    if (!slot)
        return counts_as == Side::private_ ? Met::fault(counts_as) : mmio;
    if (access == Access::write && (slot->flags & uapi::mem_readonly))
        return mmio;
    auto const from { source(*slot, a) };
    if (from == 0)
        return Met::fault(counts_as); // the slot's file has gone, or there never was memory
    auto const address { from + (gpa - slot->gpa) };
    if (slot->only_file || a == Attribute::private_)
        copy_view(address, access, bytes, size);
    else if (!copy_program(address, access, bytes, size))
        return Met::fault(counts_as);
    return {};
}

Met Vm::access(std::uint64_t gpa, scripted::Side side, Access access, void *bytes, std::size_t size) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(gpa) };
    auto const of_frame { frames_.at(PageNo::holding(Bytes { gpa })) };
    if (!slot || !slot->file_alive() || !(slot->only_file || of_frame == Attribute::private_))
        return access_at(slot, of_frame, gpa, side, access, bytes, size);
    memory::FileLocked const file_guard { *slot->file };
    if (!file_guard)
        return Met::fault(side.value_or(Side::shared));
    auto const of_file { slot->file->at(PageNo::holding(Bytes { slot->file_offset + (gpa - slot->gpa) })) };
    return access_at(slot, mode_.tracker == Tracker::files ? of_file : of_frame, gpa, side, access, bytes, size);
}

bool Vm::is_private(std::uint64_t gpa) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (mode_.tracker != Tracker::files)
        return frames_.at(PageNo::holding(Bytes { gpa })) == Attribute::private_;
    auto const *const slot { has_private_memory() ? slots_.holding(gpa) : nullptr };
    return slot && slot->file_alive() && slot->file->at(PageNo::holding(Bytes { slot->file_offset + (gpa - slot->gpa) })) == Attribute::private_;
}

} // namespace gmem::kvm
