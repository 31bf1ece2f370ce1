// Recovery: SIGBUS and EFAULT on a shared page mean that the kernel dropped a PTE of ours. The program never learns of it.

#include "memory/guest_memory.hpp"
#include "memory/space.hpp"
#include "observe/recording.hpp"
#include "os/signals.hpp"

namespace gmem::memory {

namespace {

enum class Place : std::uint8_t { private_, beyond_end, no_memory }; // observe::word::places

void note_access(observe::Event seen, std::uint64_t file, PageNo page, Place place) noexcept
{
    seen.value = static_cast<std::uint16_t>(place);
    seen.file = file;
    seen.offset = raw(page.to_bytes()) + seen.more[0] % page_size;
    seen.size = 1;
    (void)observe::record(seen, 0, seen.kind == observe::Kind::kernel_access ? observe::Asks::who_called : observe::Asks::nobody);
}

} // namespace

Space::Fault Space::recover(std::uintptr_t address, observe::Event const *seen) noexcept
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
    auto const result { recover_in(*file, address, seen) };
    file->release();
    return result;
}

// Under the gmem's lock no conversion is under way: what the attribute says now holds until the page is open.
Space::Fault Space::recover_in(GuestMemory &file, std::uintptr_t address, observe::Event const *seen) noexcept
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
    auto place { page >= file.pages() ? Place::beyond_end : Place::private_ };
    if (page < file.pages() && file.at(page) == Attribute::shared) {
        if (file.is_poisoned(page))
            return Fault::poisoned;
        if (file.reopen(*w, page))
            return Fault::reopened;
        place = Place::no_memory;
    }
    if (seen && observe::Log::on())
        note_access(*seen, file.facts().inode, page, place);
    return Fault::forbidden;
}

void Space::note_fault(std::uintptr_t address, std::size_t length) noexcept
{
    if (!observe::Log::on() || length == 0 || !may_touch({ address, address + length }))
        return;
    observe::Event seen;
    seen.kind = observe::Kind::kernel_access;
    seen.result = -EFAULT;
    for (auto at { address }; at < address + length; at = (at & ~(page_size - 1)) + page_size) {
        seen.more[0] = at;
        if (recover(at, &seen) == Fault::forbidden)
            return;
    }
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
