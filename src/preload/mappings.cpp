// mmap and its family on windows. Calls about other memory go on unchanged; one that replaces a window's addresses is noticed.

#include "memory/space.hpp"
#include "os/linux_abi.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/next.hpp"

#include <cstdarg>
#include <limits>
#include <sys/mman.h>

using namespace gmem;
using memory::Space;
using preload::FdTable;
using preload::GmemOf;

namespace {

os::AddressRange range(void const *address, std::size_t length) noexcept
{
    auto const begin { reinterpret_cast<std::uintptr_t>(address) };
    auto const end { begin + ((length + page_size - 1) & ~(page_size - 1)) };
    return { begin, end < begin ? begin : end };
}

bool touches(void const *address, std::size_t length) noexcept
{
    auto const r { range(address, length) };
    return !r.empty() && r.begin % page_size == 0 && Space::may_touch(r) && Space::touches(r);
}

long errno_of(Status const &s) noexcept { return s ? 0 : -s.error().err; }

constexpr std::size_t address_space { std::size_t { 1 } << 47 };

// What MAP_SHARED_VALIDATE lets pass on a file without special mappings; MAP_SYNC is not among it.
constexpr int known_flags { MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK
    | MAP_STACK | MAP_HUGETLB | MAP_32BIT | (0x3f << 26) | os::map_fixed_noreplace };

// Specification 4.4, row mmap; the order is the kernel's. 0: not refused here.
long refusal(memory::GuestMemory const &g, void *hint, std::size_t length, int protection, int flags, off_t offset) noexcept
{
    auto const type { flags & MAP_TYPE };
    if (static_cast<std::uint64_t>(offset) % page_size || length == 0)
        return -EINVAL;
    if (offset < 0 || length > static_cast<std::size_t>(std::numeric_limits<off_t>::max() - offset))
        return length > address_space ? -ENOMEM : -EOVERFLOW;
    if (type != MAP_SHARED && type != MAP_SHARED_VALIDATE && type != MAP_PRIVATE)
        return -EINVAL;
    if (type == MAP_SHARED_VALIDATE && (flags & ~known_flags))
        return -EOPNOTSUPP;
    if (flags & (MAP_HUGETLB | MAP_GROWSDOWN))
        return -EINVAL;
    if ((flags & (MAP_FIXED | os::map_fixed_noreplace)) && reinterpret_cast<std::uintptr_t>(hint) % page_size)
        return -EINVAL;
    if (protection & PROT_EXEC)
        return -EPERM;
    if (g.windows() == memory::Windows::refused)
        return -ENODEV;
    return type == MAP_PRIVATE ? -EINVAL : 0;
}

long map_gmem(memory::GuestMemory &g, void *hint, std::size_t length, int protection, int flags, off_t offset) noexcept
{
    if (auto const refused { refusal(g, hint, length, protection, flags, offset) }; refused != 0) {
        (void)observe::note(observe::Kind::map, { .result = static_cast<std::int32_t>(refused), .file = g.facts().inode, .offset = static_cast<std::uint64_t>(offset), .size = length,
            .more = { 0, 0, static_cast<std::uint64_t>(protection) } }, observe::Asks::who_called);
        return refused;
    }
    auto mapped { Space::map(g, { .hint = reinterpret_cast<std::uintptr_t>(hint), .length = length, .protection = protection, .flags = flags, .offset = Bytes { static_cast<std::uint64_t>(offset) } }) };
    if (!mapped)
        return -mapped.error().err;
    auto const address { std::move(mapped).take() };
    os::AddressRange const r { address, range(reinterpret_cast<void *>(address), length).end };
    if (flags & MAP_LOCKED)
        Space::mark_locked(r, true);
    if (flags & MAP_POPULATE)
        (void)Space::advise(r, os::madv_populate_read); // as far as it goes
    return static_cast<long>(address);
}

void *mmap_any(void *hint, std::size_t length, int protection, int flags, int fd, off_t offset) noexcept
{
    if (!(flags & MAP_ANONYMOUS))
        if (GmemOf const g { fd }; g)
            return reinterpret_cast<void *>(preload::answer<long>(map_gmem(*g, hint, length, protection, flags, offset)));
    void *const result { GMEM_NEXT(mmap)(hint, length, protection, flags, fd, offset) };
    if (result == MAP_FAILED && errno == EBADF && !(flags & MAP_ANONYMOUS) && !FdTable::ours(fd)) { // a gmem that came by a way we did not see?
        if (FdTable::recognise(fd))
            return mmap_any(hint, length, protection, flags, fd, offset);
        errno = EBADF;
    }
    if (result != MAP_FAILED && (flags & MAP_FIXED) && touches(result, length)) [[unlikely]]
        Space::forget(range(result, length));
    return result;
}

} // namespace

GMEM_EXPORT void *mmap(void *hint, std::size_t length, int protection, int flags, int fd, off_t offset) noexcept
{
    return mmap_any(hint, length, protection, flags, fd, offset);
}
GMEM_EXPORT void *mmap64(void *hint, std::size_t length, int protection, int flags, int fd, off64_t offset) noexcept
{
    return mmap_any(hint, length, protection, flags, fd, offset);
}

GMEM_EXPORT int munmap(void *address, std::size_t length) noexcept
{
    if (!touches(address, length)) [[likely]]
        return GMEM_NEXT(munmap)(address, length);
    return preload::answer(errno_of(Space::unmap(range(address, length))));
}

GMEM_EXPORT void *mremap(void *old, std::size_t old_length, std::size_t new_length, int flags, ...) noexcept
{
    std::va_list list;
    va_start(list, flags);
    void *const target { va_arg(list, void *) };
    va_end(list);
    if (reinterpret_cast<std::uintptr_t>(old) % page_size || !touches(old, old_length ? old_length : 1)) [[likely]] {
        void *const result { GMEM_NEXT(mremap)(old, old_length, new_length, flags, target) };
        if (result != MAP_FAILED && (flags & MREMAP_FIXED) && touches(result, new_length)) [[unlikely]]
            Space::forget(range(result, new_length));
        return result;
    }
    auto const moved { Space::remap(range(old, old_length), new_length, flags, reinterpret_cast<std::uintptr_t>(target)) };
    return reinterpret_cast<void *>(preload::answer<long>(moved ? static_cast<long>(moved.value()) : -moved.error().err));
}

GMEM_EXPORT int mprotect(void *address, std::size_t length, int protection) noexcept
{
    if (!touches(address, length)) [[likely]]
        return GMEM_NEXT(mprotect)(address, length, protection);
    return preload::answer(errno_of(Space::protect(range(address, length), protection)));
}

// Windows and what lies between them, in the order of addresses. Like the kernel it goes on past what is not mapped, and says so at the end.
static int advise_in_turn(os::AddressRange all, int advice) noexcept
{
    preload::ErrnoKept kept;
    bool holes { false };
    for (auto at { all.begin }; at < all.end;) {
        auto const window { Space::first_window_in({ at, all.end }) };
        auto const foreign_end { window.empty() ? all.end : window.begin };
        if (at < foreign_end && GMEM_NEXT(madvise)(reinterpret_cast<void *>(at), foreign_end - at, advice) != 0) {
            if (errno != ENOMEM)
                return kept.failed_with(errno);
            holes = true;
        }
        if (!window.empty())
            if (auto const advised { Space::advise(window, advice) }; !advised)
                return kept.failed_with(advised.error().err);
        at = window.empty() ? all.end : window.end;
    }
    return holes ? kept.failed_with(ENOMEM) : 0;
}

GMEM_EXPORT int madvise(void *address, std::size_t length, int advice) noexcept
{
    if (!touches(address, length)) [[likely]]
        return GMEM_NEXT(madvise)(address, length, advice);
    return advise_in_turn(range(address, length), advice);
}
GMEM_EXPORT int posix_madvise(void *address, std::size_t length, int advice) noexcept
{
    // The posix advices 0 to 4 only speed things up; on a window there is nothing to speed up.
    return touches(address, length) ? (advice < POSIX_MADV_NORMAL || advice > POSIX_MADV_DONTNEED ? EINVAL : 0) : GMEM_NEXT(posix_madvise)(address, length, advice);
}

// A guest_memfd has nothing to write back to, and says so.
GMEM_EXPORT int msync(void *address, std::size_t length, int flags)
{
    auto const result { GMEM_NEXT(msync)(address, length, flags) };
    return result == 0 && (flags & MS_SYNC) && touches(address, length) ? preload::refuse(EINVAL) : result;
}

GMEM_EXPORT int pkey_mprotect(void *address, std::size_t length, int protection, int key) noexcept
{
    if (!touches(address, length)) [[likely]]
        return GMEM_NEXT(pkey_mprotect)(address, length, protection, key);
    auto const recorded { Space::protect(range(address, length), protection) };
    return !recorded || key == -1 ? preload::answer(errno_of(recorded)) : GMEM_NEXT(pkey_mprotect)(address, length, protection, key);
}

// The kernel does it as a new mapping of the same file in place of the old one, and so do we: it must be gated.
GMEM_EXPORT int remap_file_pages(void *address, std::size_t length, int protection, std::size_t page, int flags) noexcept
{
    if (!touches(address, length)) [[likely]]
        return GMEM_NEXT(remap_file_pages)(address, length, protection, page, flags);
    return preload::answer(protection ? -EINVAL : errno_of(Space::rearrange(range(address, length), PageNo { page })));
}

static int lock_any(void const *address, std::size_t length, int flags, bool with_flags) noexcept
{
    if (flags == 0 && touches(address, length)) {
        preload::ErrnoKept kept;
        Space::prepare_lock(range(address, length));
    }
    auto const result { with_flags ? GMEM_NEXT(mlock2)(address, length, static_cast<unsigned>(flags)) : GMEM_NEXT(mlock)(address, length) };
    if (touches(address, length)) {
        preload::ErrnoKept kept;
        Space::mark_locked(range(address, length), true);
    }
    return result;
}
GMEM_EXPORT int mlock(void const *address, std::size_t length) noexcept { return lock_any(address, length, 0, false); }
GMEM_EXPORT int mlock2(void const *address, std::size_t length, unsigned flags) noexcept { return lock_any(address, length, static_cast<int>(flags), true); }
GMEM_EXPORT int munlock(void const *address, std::size_t length) noexcept
{
    auto const result { GMEM_NEXT(munlock)(address, length) };
    if (touches(address, length)) {
        preload::ErrnoKept kept;
        Space::mark_locked(range(address, length), false);
    }
    return result;
}
GMEM_EXPORT int mlockall(int flags) noexcept
{
    auto const result { GMEM_NEXT(mlockall)(flags) };
    if (result == 0 && (flags & MCL_CURRENT))
        Space::mark_locked({ page_size, ~std::uintptr_t { 0 } & ~(page_size - 1) }, true);
    return result;
}
GMEM_EXPORT int munlockall() noexcept
{
    auto const result { GMEM_NEXT(munlockall)() };
    if (result == 0)
        Space::mark_locked({ page_size, ~std::uintptr_t { 0 } & ~(page_size - 1) }, false);
    return result;
}
