// vmsplice: pages are in the pipe, not copies of them, until somebody reads them out.

#include "memory/hold.hpp"
#include "os/description_calls.hpp"
#include "preload/answer.hpp"
#include "preload/next.hpp"
#include "preload/ranges.hpp"
#include "preload/recovery.hpp"

#include <fcntl.h>

using namespace gmem;
using memory::Hold;
using memory::Holds;
using memory::PinKind;
using preload::whole_pages;

namespace {

// Holds the pages of the first `bytes` bytes. How many bytes there are.
std::size_t add_first(Hold &hold, iovec const *parts, std::size_t count, std::size_t bytes) noexcept
{
    std::size_t seen { 0 };
    preload::for_each_given(parts, count, [&](iovec const &part) noexcept {
        if (seen < bytes)
            hold.add_what_is_shared(whole_pages(part.iov_base, std::min(part.iov_len, bytes - seen)));
        seen += part.iov_len;
    });
    return seen;
}

ssize_t vmsplice_from_windows(int fd, iovec const *parts, std::size_t count, unsigned flags)
{
    Holds::settle();
    auto const number { Holds::number_of(PinKind::pipe, fd) };
    Hold all { PinKind::pipe, number };
    auto const bytes { add_first(all, parts, count, ~std::size_t { 0 }) };
    auto const result { preload::with_recovery({ parts, count }, [&] { return GMEM_NEXT(vmsplice)(fd, parts, count, flags); }) };
    if (result <= 0)
        return result;
    auto const moved { static_cast<std::size_t>(result) };
    if (moved == bytes) {
        all.keep_in_pipe(moved);
        return result;
    }
    Hold first { PinKind::pipe, number }; // before `all` goes: what is in the pipe is held throughout
    add_first(first, parts, count, moved);
    first.keep_in_pipe(moved);
    return result;
}

} // namespace

GMEM_EXPORT ssize_t vmsplice(int fd, iovec const *parts, std::size_t count, unsigned flags)
{
    if (preload::may_touch_windows(parts, std::min<std::size_t>(count, IOV_MAX)) && os::writable(fd)) [[unlikely]]
        return vmsplice_from_windows(fd, parts, count, flags);
    return preload::with_recovery({ parts, count }, [&] { return GMEM_NEXT(vmsplice)(fd, parts, count, flags); });
}
