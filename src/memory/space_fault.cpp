// Recovery: SIGBUS and EFAULT on a shared page mean that the kernel dropped a PTE of ours. The program never learns of it.

#include "memory/guest_memory.hpp"
#include "memory/space.hpp"
#include "os/signals.hpp"

namespace gmem::memory {

Space::Fault Space::recover(std::uintptr_t address) noexcept
{
    GuestMemory *file { nullptr };
    {
        os::SignalsBlocked blocked;
        os::Locked guard { lock_ };
        auto const *const w { table_.at(address) };
        if (!w)
            return Fault::foreign;
        file = w->file;
        file->acquire();
    }
    auto const result { recover_in(*file, address) };
    file->release();
    return result;
}

// Under the gmem's lock no conversion is under way: what the attribute says now holds until the page is open.
Space::Fault Space::recover_in(GuestMemory &file, std::uintptr_t address) noexcept
{
    os::SignalsBlocked blocked;
    FileLocked const gate_lock { file };
    if (!gate_lock)
        return Fault::forbidden;
    os::Locked guard { lock_ };
    auto *const w { table_.at(address) };
    if (!w || w->file != &file)
        return Fault::reopened; // the window changed meanwhile: whatever is there now answers the repeated access
    auto const page { w->page_at(address) };
    if (page >= file.pages() || file.at(page) == Attribute::private_)
        return Fault::forbidden;
    if (file.is_poisoned(page))
        return Fault::poisoned;
    return file.reopen(*w, page) ? Fault::reopened : Fault::forbidden;
}

bool Space::recover_range(std::uintptr_t address, std::size_t length) noexcept
{
    if (length == 0 || !may_touch({ address, address + length }))
        return false;
    bool something { false };
    for (auto at { address & ~(page_size - 1) }; at < address + length; at += page_size)
        switch (recover(at)) {
        case Fault::foreign:   break;
        case Fault::reopened:  something = true; break;
        case Fault::poisoned:
        case Fault::forbidden: return something && at > address; // a system call may have got as far as here
        }
    return something;
}

} // namespace gmem::memory
