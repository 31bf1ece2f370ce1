// liburing makes its system calls by bare instruction: its exported functions are what can be seen. Without liburing nobody calls these.

#include "preload/answer.hpp"
#include "preload/closing.hpp"
#include "preload/next.hpp"
#include "preload/ring_buffers.hpp"
#include "preload/unseen.hpp"

#include <cstring>

using namespace gmem;
using preload::RingBuffers;

struct io_uring;

extern "C" {
int io_uring_register_buffers(io_uring *, iovec const *, unsigned) noexcept;
int io_uring_register_buffers_tags(io_uring *, iovec const *, std::uint64_t const *, unsigned) noexcept;
int io_uring_register_buffers_update_tag(io_uring *, unsigned, iovec const *, std::uint64_t const *, unsigned) noexcept;
int io_uring_unregister_buffers(io_uring *) noexcept;
void io_uring_queue_exit(io_uring *) noexcept;
int io_uring_queue_init(unsigned, io_uring *, unsigned) noexcept;
int io_uring_queue_init_params(unsigned, io_uring *, void *) noexcept;
}

namespace {

// struct io_uring of liburing 2: ring_fd stands behind the two queues and the flags.
int descriptor_of(io_uring const *ring) noexcept
{
    constexpr std::size_t ring_fd_at { 196 };
    int fd { -1 };
    std::memcpy(&fd, reinterpret_cast<char const *>(ring) + ring_fd_at, sizeof fd);
    return fd;
}

} // namespace

GMEM_EXPORT int io_uring_register_buffers(io_uring *ring, iovec const *parts, unsigned count) noexcept
{
    return static_cast<int>(RingBuffers::registering(descriptor_of(ring), { parts, count, 0 }, [&]() noexcept { return GMEM_NEXT(io_uring_register_buffers)(ring, parts, count); }));
}
GMEM_EXPORT int io_uring_register_buffers_tags(io_uring *ring, iovec const *parts, std::uint64_t const *tags, unsigned count) noexcept
{
    return static_cast<int>(RingBuffers::registering(descriptor_of(ring), { parts, count, 0 }, [&]() noexcept { return GMEM_NEXT(io_uring_register_buffers_tags)(ring, parts, tags, count); }));
}
GMEM_EXPORT int io_uring_register_buffers_update_tag(io_uring *ring, unsigned first, iovec const *parts, std::uint64_t const *tags, unsigned count) noexcept
{
    return static_cast<int>(RingBuffers::updating(descriptor_of(ring), { parts, count, first }, [&]() noexcept { return GMEM_NEXT(io_uring_register_buffers_update_tag)(ring, first, parts, tags, count); }));
}
GMEM_EXPORT int io_uring_unregister_buffers(io_uring *ring) noexcept
{
    auto const result { GMEM_NEXT(io_uring_unregister_buffers)(ring) };
    if (result == 0)
        RingBuffers::unregistered(descriptor_of(ring));
    return result;
}
GMEM_EXPORT void io_uring_queue_exit(io_uring *ring) noexcept
{
    auto const fd { static_cast<unsigned>(descriptor_of(ring)) };
    preload::Closing const closing { fd, fd };
    GMEM_NEXT(io_uring_queue_exit)(ring);
}
GMEM_EXPORT int io_uring_queue_init(unsigned entries, io_uring *ring, unsigned flags) noexcept
{
    preload::met(preload::Unseen::ring_entries);
    return GMEM_NEXT(io_uring_queue_init)(entries, ring, flags);
}
GMEM_EXPORT int io_uring_queue_init_params(unsigned entries, io_uring *ring, void *parameters) noexcept
{
    preload::met(preload::Unseen::ring_entries);
    return GMEM_NEXT(io_uring_queue_init_params)(entries, ring, parameters);
}
