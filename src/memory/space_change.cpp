// What the program does to its windows: munmap, mprotect, madvise, mlock.

#include "memory/gate.hpp"
#include "memory/guest_memory.hpp"
#include "memory/huge_pages.hpp"
#include "memory/process.hpp"
#include "memory/space.hpp"
#include "observe/recording.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

#include <algorithm>

namespace gmem::memory {

bool Space::shows(GuestMemory const &file) noexcept
{
    auto const windows { table_.all() };
    return std::any_of(windows.begin(), windows.end(), [&file](Window const &w) { return w.file == &file; });
}

void Space::forget_locked(os::AddressRange r) noexcept
{
    table_.split_at_ends_of(r);
    for (auto found { table_.overlapping(r) }; !found.empty(); found = table_.overlapping(r)) {
        Window const gone { found.front() };
        table_.erase(&found.front());
        if (gone.side == Window::Side::host)
            (void)observe::note(observe::Kind::unmap, { .file = gone.file->facts().inode, .offset = raw(gone.first.to_bytes()), .size = gone.addresses.length(), .more = { gone.addresses.begin } });
        if (gone.native) {
            // The VMAs are gone: so are the runs that they cost.
            gone.native->set(gone.pages(), false);
            gone.native->release();
        }
        if (!shows(*gone.file)) // nothing of it can be open here any more: nobody need ask
            gone.file->detach();
        if (gone.side == Window::Side::host)
            gone.file->release_locked();
    }
}

void Space::forget(os::AddressRange r) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (table_.reserve(2))
        forget_locked(r);
}

Status Space::unmap(os::AddressRange r) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    GMEM_CHECK(table_.reserve(2));
    auto const result { os::system_call(SYS_munmap, r.begin, r.length()) };
    if (os::failed(result)) {
        (void)observe::note(observe::Kind::unmap, { .result = static_cast<std::int32_t>(result), .size = r.length(), .more = { r.begin } }, observe::Asks::who_called);
        return Error::os(result, "munmap");
    }
    forget_locked(r);
    return Ok {};
}

Status Space::protect(os::AddressRange r, int protection) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (protection & PROT_EXEC)
        return Error::with_errno(EACCES, "protect.exec"); // guest_memfd lives on a noexec mount
    GMEM_CHECK(table_.reserve(2));
    auto const result { os::system_call(SYS_mprotect, r.begin, r.length(), protection) };
    if (os::failed(result))
        return Error::os(result, "mprotect");
    table_.split_at_ends_of(r);
    for (auto &w : table_.overlapping(r))
        w.protection = protection;
    return Ok {};
}

// Advice about PTEs or pages never reaches a window: a PTE in a registered window is how gmem remembers that it is open. The
// answers are those of a guest_memfd mapping: unmovable, unevictable, without huge pages.
Status Space::advise(os::AddressRange r, int advice) noexcept
{
    os::SignalsBlocked blocked;
    switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_MERGEABLE:
    case MADV_UNMERGEABLE:
    case MADV_KEEPONFORK:
    case os::madv_dontneed_locked:
        return Ok {};
    case MADV_DONTNEED:
    case MADV_COLD:
    case MADV_PAGEOUT: { // the page stays; mlocked mappings refuse
        os::Locked guard { lock_ };
        for (auto const &w : table_.overlapping(r))
            if (w.locked)
                return Error::with_errno(EINVAL, "advise.locked");
        return Ok {};
    }
    case MADV_DONTFORK:
    case MADV_DOFORK: {
        os::Locked guard { lock_ };
        GMEM_CHECK(table_.reserve(2));
        table_.split_at_ends_of(r);
        for (auto &w : table_.overlapping(r))
            w.forked = advice == MADV_DOFORK;
        return Ok {};
    }
    case os::madv_populate_read:
    case os::madv_populate_write:
        prepare_lock(r);
        [[fallthrough]];
    case MADV_DONTDUMP:
    case MADV_DODUMP:
        return os::advise(r, advice);
    case MADV_REMOVE:
        return remove(r);
    default: // MADV_COLLAPSE, MADV_FREE, MADV_WIPEONFORK, ...: not on a shared file mapping
        return Error::with_errno(EINVAL, "advise.unknown");
    }
}

// MADV_REMOVE is a punch hole in the file behind.
Status Space::remove(os::AddressRange r) noexcept
{
    for (auto at { r.begin }; at < r.end;) {
        GuestMemory *file { nullptr };
        std::optional<PageRange> hole;
        {
            os::Locked guard { lock_ };
            auto const *const w { table_.at(at) };
            if (!w)
                return Error::with_errno(EINVAL, "advise.remove");
            auto const end { w->addresses.end < r.end ? w->addresses.end : r.end };
            hole = PageRange::make(w->page_at(at), w->page_at(at).plus((end - at) >> page_bits));
            file = w->file;
            file->acquire();
            at = end;
        }
        auto const punched { file->punch(*hole) };
        file->release();
        GMEM_CHECK(punched);
    }
    return Ok {};
}

void Space::prepare_lock(os::AddressRange r) noexcept
{
    for (auto at { r.begin }; at < r.end;) {
        GuestMemory *file { nullptr };
        {
            os::SignalsBlocked blocked;
            os::Locked guard { lock_ };
            auto const found { table_.overlapping({ at, r.end }) };
            if (found.empty())
                return;
            file = found.front().file;
            at = found.front().addresses.begin > at ? found.front().addresses.begin : at;
            file->acquire();
        }
        {
            os::SignalsBlocked blocked;
            FileLocked const gate_lock { *file };
            os::Locked guard { lock_ };
            if (auto *const w { gate_lock ? table_.at(at) : nullptr }; w && w->file == file) {
                auto const part { w->addresses.intersect({ at, r.end }) };
                auto const end { file->pages() < w->page_at(part.end) ? file->pages() : w->page_at(part.end) };
                for (auto page { w->page_at(part.begin) }; page < end;) {
                    auto const run { file->attributes().next_run(page, end, Attribute::shared) };
                    if (!run)
                        break;
                    if (file->has_huge_pages() && !HugePages { *file }.settle(*run))
                        break;
                    file->attach();
                    gate::open(*w, *run, Opening::native);
                    page = run->last();
                }
                at = part.end;
            } else {
                at += page_size;
            }
        }
        file->release();
    }
}

void Space::mark_locked(os::AddressRange r, bool locked) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    if (!table_.reserve(2))
        return;
    table_.split_at_ends_of(r);
    for (auto &w : table_.overlapping(r))
        w.locked = locked;
}

} // namespace gmem::memory
