// A guest without a VM: what callers of the library read and write as it.

#include "memory/guest_memory.hpp"
#include "memory/trusted_side.hpp"
#include "os/signals.hpp"

#include <algorithm>
#include <cstring>

namespace gmem::memory {
namespace {

constexpr std::size_t most_in_piece { 512 };

// Under the file's lock, piece by piece, through a copy: the caller's bytes may lie in a window, whose recovery wants the same lock.
template <typename Move>
Status piecewise(GuestMemory &file, std::uint64_t offset, std::size_t size, Move &&move) noexcept
{
    bool const gated { file.guest_is_gated() };
    for (std::size_t at { 0 }; at < size;) {
        auto const p { PageNo::holding(Bytes { offset + at }) };
        auto const n { std::min({ size - at, most_in_piece, page_size - (offset + at) % page_size }) };
        GMEM_CHECK(move(at, n, [&]() noexcept -> Status { return gated && file.at(p) == Attribute::private_ ? TrustedSide { file }.make_private(p, p.index(), GuestMemory::Accepts::gmem) : Status { Ok {} }; }));
        at += n;
    }
    return Ok {};
}

} // namespace

Status GuestMemory::read_as_guest(Bytes offset, void *to, std::size_t size) noexcept
{
    auto const *const from { reinterpret_cast<std::byte const *>(view_ + raw(offset)) };
    if (!guest_is_gated()) {
        std::memcpy(to, from, size);
        return Ok {};
    }
    return piecewise(*this, raw(offset), size, [&](std::size_t at, std::size_t n, auto &&touch) noexcept -> Status {
        std::byte copy[most_in_piece];
        {
            os::SignalsBlocked blocked;
            FileLocked const guard { *this };
            if (!guard)
                return guard.error();
            GMEM_CHECK(touch());
            std::memcpy(copy, from + at, n);
        }
        std::memcpy(static_cast<std::byte *>(to) + at, copy, n);
        return Ok {};
    });
}

// With huge pages: not while somebody looks whether the page is still empty. With a platform: not while a conversion turns the bytes into others.
Status GuestMemory::write_as_guest(Bytes offset, void const *from, std::size_t size) noexcept
{
    auto *const to { reinterpret_cast<std::byte *>(view_ + raw(offset)) };
    if (!has_huge_pages() && !guest_is_gated()) {
        std::memcpy(to, from, size);
        return Ok {};
    }
    return piecewise(*this, raw(offset), size, [&](std::size_t at, std::size_t n, auto &&touch) noexcept -> Status {
        std::byte copy[most_in_piece];
        std::memcpy(copy, static_cast<std::byte const *>(from) + at, n);
        os::SignalsBlocked blocked;
        FileLocked const guard { *this };
        if (!guard)
            return guard.error();
        GMEM_CHECK(touch());
        std::memcpy(to + at, copy, n);
        return Ok {};
    });
}

} // namespace gmem::memory
