// Making windows: mmap and mremap.

#include "memory/gate.hpp"
#include "memory/guest_memory.hpp"
#include "memory/huge_pages.hpp"
#include "memory/process.hpp"
#include "memory/space.hpp"
#include "observe/recording.hpp"
#include "os/mapping_calls.hpp"
#include "os/signals.hpp"

namespace gmem::memory {
namespace {

constexpr std::size_t address_space { std::size_t { 1 } << 47 };
constexpr int placement_flags { MAP_FIXED | os::map_fixed_noreplace | MAP_32BIT };

bool continues(Window const &w, Window const &next) noexcept
{
    return next.file == w.file && next.protection == w.protection && next.locked == w.locked && next.first == w.page_at(w.addresses.end);
}

} // namespace

Result<std::uintptr_t> Space::map(GuestMemory &file, MapRequest const &request) noexcept
{
    observe::Recording event { observe::Kind::map, observe::Asks::who_called };
    if (event) [[unlikely]] {
        event->file = file.facts().inode;
        event->offset = raw(request.offset);
        event->size = request.length;
        event->more[2] = static_cast<std::uint64_t>(request.protection);
    }
    os::SignalsBlocked blocked;
    FileLocked const gate_lock { file };
    if (!gate_lock) {
        event.done(-gate_lock.error().err);
        return gate_lock.error();
    }
    os::Locked guard { lock_ };
    auto mapped { map_locked(file, request) };
    if (event && mapped) [[unlikely]]
        event->more[0] = mapped.value();
    event.done(mapped ? 0 : -mapped.error().err);
    return mapped;
}

Result<std::uintptr_t> Space::map_locked(GuestMemory &file, MapRequest const &request) noexcept GMEM_NO_THREAD_SAFETY // the file's lock is held as well
{
    GMEM_CHECK(table_.reserve(3));

    auto const length { (request.length + page_size - 1) & ~(page_size - 1) };
    if (length == 0)
        return Error::with_errno(ENOMEM, "map.length");
    auto place { request };
    if (HugePages::wished() && request.hint == 0 && !(request.flags & placement_flags) && length >= pages_per_mega * page_size)
        if (auto const reserved { os::reserve_for_huge_pages(length, request.offset) }) {
            place.hint = reserved.value();
            place.flags |= MAP_FIXED; // over our own reservation
        }
    if (place.hint == 0 && !(place.flags & placement_flags))
        place.hint = os::address_aside(length);
    // Unreadable until it is gated: neither another thread nor MCL_FUTURE can populate it ungated.
    auto const mapped { os::map_hidden(file.own_copy(), file.file(), place.hint, length, PROT_NONE, place.flags & placement_flags, request.offset) };
    if (!mapped) {
        if (place.flags != request.flags)
            os::unmap({ place.hint, place.hint + length });
        return mapped.error();
    }
    auto const address { mapped.value() };
    Window w { .addresses = { address, address + length }, .file = &file, .first = PageNo::holding(request.offset),
        .protection = request.protection, .forked = true, .locked = false, .native = nullptr };

    // What stood at a MAP_FIXED address is gone, whatever happens next.
    forget_locked(w.addresses);
    auto const gated { [&]() GMEM_NO_THREAD_SAFETY noexcept -> Status {
        GMEM_CHECK(os::advise(w.addresses, MADV_DONTFORK));
        (void)os::advise(w.addresses, MADV_NOHUGEPAGE);
        GMEM_CHECK(gate::arm(w));
        file.open_shared(w, w.pages(), Opening::native); // nothing is populated yet: let the kernel do it lazily
        return os::protect(w.addresses, request.protection);
    }() };
    if (!gated) {
        os::unmap(w.addresses);
        if (w.native)
            w.native->release();
        return Error::of(Why::no_memory, "map.gate");
    }
    file.acquire();
    table_.insert(w);
    return address;
}

Result<std::uintptr_t> Space::remap(os::AddressRange from, std::size_t new_length, int flags, std::uintptr_t new_address) noexcept
{
    if (from.length() > address_space)
        return Error::with_errno(EINVAL, "remap.length");
    Window old { .addresses = {}, .file = nullptr, .first = PageNo { 0 }, .protection = 0, .forked = true, .locked = false, .native = nullptr };
    {
        os::SignalsBlocked blocked;
        os::Locked guard { lock_ };
        // As for a VMA: the range must lie in one mapping. With old length 0 a second mapping of a shared one is asked for.
        // Records side by side that show the file side by side are one mapping to the kernel.
        auto const *const w { table_.at(from.begin) };
        if (!w)
            return Error::with_errno(EFAULT, "remap.range");
        old = *w;
        for (auto const *next { w }; (next = table_.at(old.addresses.end)) && continues(old, *next);)
            old.addresses.end = next->addresses.end;
        if (!from.empty() && from.end > old.addresses.end)
            return Error::with_errno(EFAULT, "remap.range");
        old.file->acquire();
    }
    auto const result { remap_referenced(old, from, new_length, flags, new_address) };
    old.file->release();
    return result;
}

Result<std::uintptr_t> Space::remap_referenced(Window const &old, os::AddressRange from, std::size_t new_length, int flags, std::uintptr_t new_address) noexcept
{
    auto const old_length { from.length() };
    bool const may_move { (flags & MREMAP_MAYMOVE) != 0 };
    bool const fixed { (flags & MREMAP_FIXED) != 0 };
    bool const keep_old { (flags & MREMAP_DONTUNMAP) != 0 };
    bool const known { (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) == 0 };
    new_length = (new_length + page_size - 1) & ~(page_size - 1);
    if (!known || new_length == 0 || new_length > address_space || ((fixed || keep_old) && !may_move) || (keep_old && new_length != old_length))
        return Error::with_errno(EINVAL, "remap.arguments");
    if (old_length == 0 && !may_move)
        return Error::with_errno(ENOMEM, "remap.twin");
    os::AddressRange const to { new_address, new_address + new_length };
    if (fixed && (new_address % page_size || to.overlaps(from)))
        return Error::with_errno(EINVAL, "remap.target");

    auto const offset { old.page_at(from.begin).to_bytes() };
    if (!fixed && !keep_old && old_length != 0) {
        if (new_length <= old_length) { // shrink in place
            if (new_length < old_length)
                GMEM_CHECK(unmap({ from.begin + new_length, from.end }));
            return from.begin;
        }
        // Grow in place where the addresses behind are free: a neighbour window on the following file pages.
        if (from.end == old.addresses.end) {
            MapRequest const behind { from.end, new_length - old_length, old.protection, os::map_fixed_noreplace, Bytes { raw(offset) + old_length } };
            if (map(*old.file, behind))
                return from.begin;
        }
        if (!may_move)
            return Error::with_errno(ENOMEM, "remap.in_place");
    }
    MapRequest const elsewhere { fixed ? new_address : 0, new_length, old.protection, fixed ? MAP_FIXED : 0, offset };
    GMEM_TRY(address, map(*old.file, elsewhere));
    if (old_length != 0 && !keep_old)
        (void)unmap(from); // shrinks what is mapped: the kernel needs no memory for that but to split, and then the old one stays, gated
    return address;
}

} // namespace gmem::memory
