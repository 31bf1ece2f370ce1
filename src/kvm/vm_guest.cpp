// A VM's memory as its guest meets it, asked by vCPUs.

#include "kvm/vm.hpp"
#include "os/signals.hpp"
#include "os/user_memory.hpp"

#include <algorithm>

namespace gmem::kvm {

// Specification 4.2 and 4.4. A slot stays when its file goes; what the guest then does is a memory fault. A private frame without memory
// is a fault too, whether its slot lacks a file or is gone.
GuestPlace Vm::place(std::uint64_t gpa) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(gpa) };
    auto const a { frames_.at(PageNo::holding(Bytes { gpa })) };
    if (!slot)
        return { .what = a == Attribute::private_ ? GuestPlace::What::fault : GuestPlace::What::foreign, .access = a };
    if (!tracks_frames() && !slot->only_file)
        return {};
    auto const from { source(*slot, a) };
    if (from == 0 && has_source(*slot, a))
        return {}; // the program gave no address
    return { .what = from ? GuestPlace::What::memory : GuestPlace::What::fault, .access = a, .read_only = (slot->flags & uapi::mem_readonly) != 0,
        .address = from ? from + (gpa - slot->gpa) : 0 };
}

Status Vm::read_guest(std::uint64_t gpa, std::uint8_t &byte) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(gpa) };
    auto const from { slot ? source(*slot, frames_.at(PageNo::holding(Bytes { gpa }))) : 0 };
    if (from == 0)
        return Error::with_errno(EFAULT, "guest.nothing");
    return os::copy_from_program(&byte, from + (gpa - slot->gpa), 1);
}

// The file is kept while its lock is waited for: another thread may close its last descriptor.
Status Vm::use(std::uint64_t gpa, memory::GuestMemory::Accepts who) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto const *const slot { slots_.holding(gpa) };
    if (!slot || !slot->file_alive() || !slot->file->try_acquire())
        return Error::with_errno(ENOENT, "guest.use");
    auto const p { PageNo::holding(Bytes { slot->file_offset + (gpa - slot->gpa) }) };
    auto const early { slot->file->at(p) == Attribute::private_ ? check_early_fault() : Ok {} };
    auto const used { early ? slot->file->guest_touch(p, gpa >> page_bits, who) : early };
    slot->file->release();
    return used;
}

// A page that its platform refuses to give is not the one that is wanted, or the guest will meet it again by itself.
Status Vm::use_everything() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    for (auto const &slot : slots_.ever_used(0)) {
        if (!slot.exists() || !slot.file_alive() || !slot.file->try_acquire())
            continue;
        auto const first { PageNo::holding(Bytes { slot.file_offset }) };
        for (auto p { first }; p < first.plus(slot.size >> page_bits); p = p.plus(1))
            if (auto const again { slot.file->guest_touch(p, (slot.gpa >> page_bits) + (p.index() - first.index()), memory::GuestMemory::Accepts::gmem) }; !again && again.error().why == Why::no_memory) {
                slot.file->release();
                return again.error();
            }
        slot.file->release();
    }
    return Ok {};
}

void Vm::guest_asks(std::uint64_t gpa, std::uint64_t size, Attribute to) noexcept
{
    if (!gates_guests())
        return;
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    for (auto const end { gpa + size }; auto const &slot : slots_.ever_used(0)) {
        auto const first { std::max(gpa, slot.gpa) }, last { std::min(end, slot.gpa + slot.size) };
        if (!slot.exists() || first >= last || !slot.file_alive() || !slot.file->try_acquire())
            continue;
        auto const page { PageNo::holding(Bytes { slot.file_offset + (first - slot.gpa) }) };
        slot.file->guest_asks(*PageRange::make(page, page.plus((last - first + page_size - 1) >> page_bits)), to);
        slot.file->release();
    }
}

} // namespace gmem::kvm
