// A VM's memory as scripted vCPUs meet it: KVM's order of checks (guest_memfd specification 4.2), made anew for each access. The VM's lock keeps
// the memslot, the file's lock the attribute: a conversion waits for the access, as KVM's waits for what the guest has mapped.

#include "kvm/scripted/page.hpp"
#include "kvm/vm.hpp"
#include "memory/space.hpp"
#include "os/signals.hpp"
#include "os/user_memory.hpp"

namespace gmem::kvm {
namespace {

using platform::Access;
using platform::Side;
using scripted::Met;

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

Met Vm::access_page(memory::GuestMemory &file, PageNo p, std::uint64_t gpa, Side side, Access access, void *bytes, std::size_t size) noexcept GMEM_NO_THREAD_SAFETY
{
    if (auto const early { side == Side::private_ && gates_guests() ? check_early_fault() : Ok {} }; !early)
        return Met::fault(side, early.error().err);
    if (file.is_poisoned(p)) [[unlikely]]
        return Met::fault(side, EHWPOISON);
    return scripted::access_page(file, p, gpa, side, access, bytes, size);
}

Met Vm::access(std::uint64_t gpa, scripted::Side side, Access access, void *bytes, std::size_t size) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(gpa) };
    auto const of_frame { frames_.at(PageNo::holding(Bytes { gpa })) };
    if (!slot || !(slot->only_file || of_frame == Attribute::private_) || !slot->file_alive() || !slot->file->try_acquire()) {
        auto const meets { meet(slot, of_frame, side, access) };
        if (!meets.met.done())
            return meets.met;
        auto const from { slot->only_file || of_frame == Attribute::private_ ? 0 : slot->userspace }; // 0: the slot's file has gone, or there never was memory
        return from && copy_program(from + (gpa - slot->gpa), access, bytes, size) ? Met {} : Met::fault(meets.side);
    }
    auto &file { *slot->file }; // kept while its lock is waited for: another thread may close its last descriptor
    auto const page { PageNo::holding(Bytes { slot->file_offset + (gpa - slot->gpa) }) };
    auto met { Met::fault(side.value_or(Side::shared), ENOMEM) };
    if (memory::FileLocked const file_guard { file }) {
        auto const meets { meet(slot, mode_.tracker == Tracker::files ? file.at(page) : of_frame, side, access) };
        met = meets.met.done() ? access_page(file, page, gpa, meets.side, access, bytes, size) : meets.met;
    }
    file.release();
    return met;
}

// KVM's checks before anything is reached, in their order: the side, the memslot, whether it may be written.
Vm::Meets Vm::meet(Slot const *slot, Attribute a, scripted::Side side, Access access) const noexcept
{
    auto const is { has_private_memory() && a == Attribute::private_ ? Side::private_ : Side::shared };
    auto const counts_as { has_private_memory() ? side.value_or(is) : Side::shared };
    if (counts_as != is || (!slot && counts_as == Side::private_))
        return { Met::fault(counts_as), counts_as };
    if (!slot || (access == Access::write && (slot->flags & uapi::mem_readonly)))
        return { { Met::What::mmio, counts_as, 0 }, counts_as };
    return { {}, counts_as };
}

scripted::Answered Vm::instruct_page(memory::GuestMemory &file, PageNo p, scripted::Operation const &operation) noexcept GMEM_NO_THREAD_SAFETY
{
    if (scripted::is_access(operation.opcode))
        if (auto const early { check_early_fault() }; !early)
            return { .met = Met::fault(Side::private_, early.error().err) };
    return scripted::instruct_page(file, p, operation);
}

scripted::Answered Vm::instruct(scripted::Operation const &operation) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(operation.gpa) };
    auto const of_frame { frames_.at(PageNo::holding(Bytes { operation.gpa })) };
    if (!slot || !(slot->only_file || of_frame == Attribute::private_) || !slot->file_alive() || !slot->file->try_acquire())
        return { .met = Met::fault(Side::private_) };
    auto &file { *slot->file };
    auto const page { PageNo::holding(Bytes { slot->file_offset + (operation.gpa - slot->gpa) }) };
    scripted::Answered answered { .met = Met::fault(Side::private_, ENOMEM) };
    if (memory::FileLocked const file_guard { file }) {
        answered.met = scripted::is_access(operation.opcode) ? meet(slot, mode_.tracker == Tracker::files ? file.at(page) : of_frame, Side::private_, Access::read).met : Met {};
        if (answered.met.done())
            answered = instruct_page(file, page, operation);
    }
    file.release();
    return answered;
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
