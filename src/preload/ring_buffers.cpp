// io_uring's registered buffers: pinned from registering to unregistering, or to the end of the ring.

#include "preload/ring_buffers.hpp"

#include "memory/hold.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"
#include "preload/ranges.hpp"
#include "preload/unseen.hpp"

#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>

namespace gmem::preload {
namespace {

using memory::Hold;
using memory::Holds;
using memory::PinKind;

// linux/io_uring.h
constexpr unsigned register_buffers { 0 }, unregister_buffers { 1 }, register_buffers2 { 15 }, update_buffers { 16 };
struct Registration final {
    std::uint32_t count, flags;
    std::uint64_t reserved, parts, tags;
};
struct Update final {
    std::uint32_t first, reserved;
    std::uint64_t parts, tags;
    std::uint32_t count, reserved2;
};
static_assert(sizeof(Registration) == 32 && sizeof(Update) == 32);

constexpr std::uint32_t most_buffers { 1u << 14 };

iovec const *parts_of(std::uint64_t address) noexcept { return reinterpret_cast<iovec const *>(address); }

// A buffer in which a page is private cannot be registered: the kernel could not pin it.
Status take(Hold &hold, iovec const *parts, std::size_t count, std::uint32_t first) noexcept
{
    Error worst { Error::with_errno(EFAULT, "ring.buffers") };
    bool refused { false };
    auto index { first };
    for_each_given(parts, count, [&](iovec const &part) noexcept {
        hold.begin_part(index++);
        auto const added { refused ? Status { Ok {} } : hold.add(whole_pages(part.iov_base, part.iov_len)) };
        if (!added) {
            worst = added.error();
            refused = true;
        }
    });
    if (refused)
        return worst;
    return Ok {};
}

} // namespace

bool RingBuffers::Request::touches_windows() const noexcept { return may_touch_windows(parts, std::min(count, most_buffers)); }

Status RingBuffers::Request::hold(Hold &h) const noexcept { return take(h, parts, std::min(count, most_buffers), first); }

void RingBuffers::Request::recover_pages() const noexcept
{
    for_each_given(parts, std::min(count, most_buffers), [](iovec const &part) noexcept { memory::Space::recover_range(reinterpret_cast<std::uintptr_t>(part.iov_base), part.iov_len); });
}

int RingBuffers::number_of(int ring) noexcept { return Holds::number_of(PinKind::ring_buffer, ring); }

void RingBuffers::unregistered(int ring) noexcept { Holds::drop_group(PinKind::ring_buffer, number_of(ring), 0); }

void RingBuffers::replaced(int ring, std::uint32_t first, std::uint32_t count) noexcept
{
    if (count)
        Holds::drop(PinKind::ring_buffer, number_of(ring), 0, first, first + std::uint64_t { count } - 1);
}

namespace {

long registered(long const (&a)[6]) noexcept
{
    auto const ring { static_cast<int>(a[0]) };
    auto const call { [&a]() noexcept {
        ErrnoKept kept;
        auto const result { GMEM_NEXT(syscall)(SYS_io_uring_register, a[0], a[1], a[2], a[3], a[4], a[5]) };
        return result < 0 ? -static_cast<long>(errno) : result;
    } };
    auto const argument { static_cast<std::uintptr_t>(a[2]) };
    auto const count { static_cast<std::uint32_t>(a[3]) };
    switch (static_cast<unsigned>(a[1])) {
    case register_buffers:
        return RingBuffers::registering(ring, { parts_of(argument), count, 0 }, call);
    case register_buffers2: {
        Registration r {};
        if (!os::copy_from_program(&r, argument, sizeof r))
            return call();
        return RingBuffers::registering(ring, { parts_of(r.parts), r.parts ? r.count : 0, 0 }, call);
    }
    case update_buffers: {
        Update u {};
        if (!os::copy_from_program(&u, argument, sizeof u))
            return call();
        return RingBuffers::updating(ring, { parts_of(u.parts), u.count, u.first }, call);
    }
    case unregister_buffers: {
        auto const result { call() };
        if (result == 0)
            RingBuffers::unregistered(ring);
        return result;
    }
    default:
        return call();
    }
}

} // namespace

long io_uring_register_any(long const (&arguments)[6]) noexcept { return answer<long>(registered(arguments)); }

long io_uring_setup_any(long const (&a)[6]) noexcept
{
    met(Unseen::ring_entries);
    return GMEM_NEXT(syscall)(SYS_io_uring_setup, a[0], a[1], a[2], a[3], a[4], a[5]);
}

} // namespace gmem::preload
