#include "preload/asynchronous.hpp"

#include "memory/hold.hpp"
#include "os/signals.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"
#include "preload/ranges.hpp"

#include <csignal>
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gmem::preload {
namespace {

using memory::Hold;
using memory::Holds;
using memory::PinKind;

// A context is the address of a ring of completions, which libaio and some programs empty without a system call: we look at what
// was taken out of it. At most as many completions come between two looks as the ring holds, for every submission looks first.
struct Ring final {
    std::uint32_t id, entries, head, tail, magic, compatible, incompatible, header;
};
static_assert(sizeof(Ring) == 32 && sizeof(io_event) == 32 && sizeof(iocb) == 64);
constexpr std::uint32_t ring_magic { 0xa10a10a1 };

struct Watched final {
    std::uint64_t context; // 0: free
    std::uint32_t seen;    // completions before this index were dealt with
};
constexpr std::size_t most_contexts { 256 };
constinit Watched watched[most_contexts] {};
constinit os::Mutex watched_lock;

bool read_ring(std::uint64_t context, Ring &out) noexcept
{
    return os::copy_from_program(&out, context, sizeof out) && out.magic == ring_magic && out.entries != 0;
}

unsigned reap(Watched &w) noexcept
{
    unsigned dropped { 0 };
    Ring ring {};
    if (!read_ring(w.context, ring))
        return dropped;
    for (; w.seen != ring.head % ring.entries; w.seen = (w.seen + 1) % ring.entries) {
        io_event event {};
        if (!os::copy_from_program(&event, w.context + ring.header + w.seen * sizeof event, sizeof event))
            break;
        dropped += Holds::drop(PinKind::asynchronous, -1, w.context, event.obj, event.obj);
    }
    return dropped;
}

unsigned reap_all() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { watched_lock };
    unsigned dropped { 0 };
    for (auto &w : watched)
        if (w.context)
            dropped += reap(w);
    return dropped;
}

// Before a submission: false where the context is none that we can watch.
bool watch(std::uint64_t context) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { watched_lock };
    Watched *free { nullptr };
    for (auto &w : watched) {
        if (w.context == context)
            return reap(w), true;
        if (!free && w.context == 0)
            free = &w;
    }
    Ring ring {};
    if (!free || !read_ring(context, ring))
        return false;
    *free = { context, ring.head % ring.entries };
    Holds::settle_also(&reap_all);
    return true;
}

void forget(std::uint64_t context) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { watched_lock };
    for (auto &w : watched)
        if (w.context == context)
            w.context = 0;
}

void take(Hold &hold, void const *address, std::size_t length) noexcept
{
    auto const pages { whole_pages(address, length) };
    hold.add_what_is_shared(pages);
    memory::Space::recover_range(pages.begin, pages.length()); // EFAULT would be the request's result, which cannot be asked again
}

void take(Hold &hold, iocb const &request) noexcept
{
    auto const *const buffer { reinterpret_cast<void const *>(request.aio_buf) };
    switch (request.aio_lio_opcode) {
    case IOCB_CMD_PREAD:
    case IOCB_CMD_PWRITE:
        return take(hold, buffer, request.aio_nbytes);
    case IOCB_CMD_PREADV:
    case IOCB_CMD_PWRITEV:
        for_each_given(static_cast<iovec const *>(buffer), request.aio_nbytes, [&](iovec const &part) noexcept { take(hold, part.iov_base, part.iov_len); });
        return;
    default:
        return;
    }
}

// `call` makes the real call; negative results are the caller's affair.
template <typename Call>
auto submit(std::uint64_t context, long count, iocb *const *requests, Call call) noexcept
{
    if (count <= 0 || !windows_exist() || !watch(context)) [[likely]]
        return call();
    Hold hold { PinKind::asynchronous, -1, context };
    for_each_given(requests, static_cast<std::size_t>(std::min(count, 65536l)), [&](iocb *one) noexcept {
        iocb request {};
        hold.begin_part(reinterpret_cast<std::uintptr_t>(one));
        if (os::copy_from_program(&request, reinterpret_cast<std::uintptr_t>(one), sizeof request))
            take(hold, request);
    });
    auto const result { call() };
    if (result > 0)
        hold.keep(static_cast<std::uint32_t>(result));
    return result;
}

template <typename Result>
Result reaped(Result result) noexcept
{
    if (!Holds::empty())
        reap_all();
    return result;
}

template <typename Result>
Result destroyed(std::uint64_t context, Result result) noexcept
{
    if (result == 0 && !Holds::empty()) {
        forget(context);
        Holds::drop_group(PinKind::asynchronous, -1, context);
    }
    return result;
}

long next(long nr, long const (&a)[6]) noexcept { return GMEM_NEXT(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]); }

} // namespace

long io_submit_any(long const (&a)[6]) noexcept
{
    return submit(static_cast<std::uint64_t>(a[0]), a[1], reinterpret_cast<iocb *const *>(a[2]), [&a]() noexcept { return next(SYS_io_submit, a); });
}
long io_reap_any(long nr, long const (&a)[6]) noexcept { return reaped(next(nr, a)); }
long io_destroy_any(long const (&a)[6]) noexcept { return destroyed(static_cast<std::uint64_t>(a[0]), next(SYS_io_destroy, a)); }

} // namespace gmem::preload

// libaio's names; it answers -errno.
extern "C" {
int io_submit(aio_context_t, long, iocb **);
int io_getevents(aio_context_t, long, long, io_event *, timespec *);
int io_pgetevents(aio_context_t, long, long, io_event *, timespec *, sigset_t *);
int io_cancel(aio_context_t, iocb *, io_event *);
int io_destroy(aio_context_t);
}

using namespace gmem;

GMEM_EXPORT int io_submit(aio_context_t context, long count, iocb **requests)
{
    return preload::submit(context, count, requests, [&]() noexcept { return GMEM_NEXT(io_submit)(context, count, requests); });
}
GMEM_EXPORT int io_getevents(aio_context_t context, long least, long most, io_event *events, timespec *timeout)
{
    return preload::reaped(GMEM_NEXT(io_getevents)(context, least, most, events, timeout));
}
GMEM_EXPORT int io_pgetevents(aio_context_t context, long least, long most, io_event *events, timespec *timeout, sigset_t *mask)
{
    return preload::reaped(GMEM_NEXT(io_pgetevents)(context, least, most, events, timeout, mask));
}
GMEM_EXPORT int io_cancel(aio_context_t context, iocb *request, io_event *event) { return preload::reaped(GMEM_NEXT(io_cancel)(context, request, event)); }
GMEM_EXPORT int io_destroy(aio_context_t context) { return preload::destroyed(context, GMEM_NEXT(io_destroy)(context)); }
