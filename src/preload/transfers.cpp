// read, write and their relatives. On a gmem they fail as on a guest_memfd. On any other descriptor, a buffer may lie in a window:
// EFAULT about a shared page means that the kernel dropped its PTE, and the call is made again with the page back.

#include "preload/answer.hpp"
#include "preload/fd_table.hpp"
#include "preload/arrivals.hpp"
#include "preload/direct_io.hpp"
#include "preload/next.hpp"
#include "preload/recovery.hpp"
#include "preload/signal_masks.hpp"
#include "preload/zero_copy.hpp"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

using namespace gmem;
using preload::FdTable;
using preload::GmemOf;
using preload::Kind;
using preload::Buffers;
using preload::DirectIo;
using preload::one_buffer;
using preload::with_recovery;

namespace {

// A stale entry is dropped by the question, so a hit costs one more system call and nothing else.
bool is_gmem(int fd) noexcept
{
    return FdTable::may_be_gmem(fd) && bool(GmemOf { fd });
}

ssize_t shown(int fd, void *buffer, ssize_t size) noexcept
{
    if (FdTable::kind_of(fd) == Kind::signals && size > 0) [[unlikely]]
        preload::show_sigbus(buffer, size);
    return size;
}

std::size_t at_least_zero(int n) noexcept { return n < 0 ? 0 : static_cast<std::size_t>(n); }

} // namespace

// Specification 4.4: no read or write operation (EINVAL), no position (ESPIPE).
#define REFUSE_ON_GMEM(fd, err) \
    if (is_gmem(fd)) [[unlikely]] \
    return preload::refuse<ssize_t>(err)
#define REFUSE_POSITION_ON_GMEM(fd, offset) REFUSE_ON_GMEM(fd, (offset) < 0 ? EINVAL : ESPIPE)

GMEM_EXPORT ssize_t read(int fd, void *buffer, std::size_t size)
{
    REFUSE_ON_GMEM(fd, EINVAL);
    DirectIo const held { fd, buffer, size };
    return shown(fd, buffer, one_buffer(buffer, size, [&] { return GMEM_NEXT(read)(fd, buffer, size); }));
}
GMEM_EXPORT ssize_t write(int fd, void const *buffer, std::size_t size)
{
    REFUSE_ON_GMEM(fd, EINVAL);
    DirectIo const held { fd, buffer, size };
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(write)(fd, buffer, size); });
}
GMEM_EXPORT ssize_t pread(int fd, void *buffer, std::size_t size, off_t offset)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, buffer, size };
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(pread)(fd, buffer, size, offset); });
}
GMEM_EXPORT ssize_t pread64(int fd, void *buffer, std::size_t size, off64_t offset)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, buffer, size };
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(pread64)(fd, buffer, size, offset); });
}
GMEM_EXPORT ssize_t pwrite(int fd, void const *buffer, std::size_t size, off_t offset)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, buffer, size };
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(pwrite)(fd, buffer, size, offset); });
}
GMEM_EXPORT ssize_t pwrite64(int fd, void const *buffer, std::size_t size, off64_t offset)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, buffer, size };
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(pwrite64)(fd, buffer, size, offset); });
}
GMEM_EXPORT ssize_t readv(int fd, iovec const *parts, int count)
{
    REFUSE_ON_GMEM(fd, EINVAL);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(readv)(fd, parts, count); });
}
GMEM_EXPORT ssize_t writev(int fd, iovec const *parts, int count)
{
    REFUSE_ON_GMEM(fd, EINVAL);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(writev)(fd, parts, count); });
}
GMEM_EXPORT ssize_t preadv(int fd, iovec const *parts, int count, off_t offset)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(preadv)(fd, parts, count, offset); });
}
GMEM_EXPORT ssize_t preadv64(int fd, iovec const *parts, int count, off64_t offset)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(preadv64)(fd, parts, count, offset); });
}
GMEM_EXPORT ssize_t pwritev(int fd, iovec const *parts, int count, off_t offset)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(pwritev)(fd, parts, count, offset); });
}
GMEM_EXPORT ssize_t pwritev64(int fd, iovec const *parts, int count, off64_t offset)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(pwritev64)(fd, parts, count, offset); });
}

// With flags. Offset -1 is "no offset".
GMEM_EXPORT ssize_t preadv2(int fd, iovec const *parts, int count, off_t offset, int flags)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(preadv2)(fd, parts, count, offset, flags); });
}
GMEM_EXPORT ssize_t preadv64v2(int fd, iovec const *parts, int count, off64_t offset, int flags)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(preadv64v2)(fd, parts, count, offset, flags); });
}
GMEM_EXPORT ssize_t pwritev2(int fd, iovec const *parts, int count, off_t offset, int flags)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(pwritev2)(fd, parts, count, offset, flags); });
}
GMEM_EXPORT ssize_t pwritev64v2(int fd, iovec const *parts, int count, off64_t offset, int flags)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, parts, count };
    return with_recovery({ parts, at_least_zero(count) }, [&] { return GMEM_NEXT(pwritev64v2)(fd, parts, count, offset, flags); });
}

// Sockets.
GMEM_EXPORT ssize_t recv(int fd, void *buffer, std::size_t size, int flags)
{
    REFUSE_ON_GMEM(fd, ENOTSOCK);
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(recv)(fd, buffer, size, flags); });
}
GMEM_EXPORT ssize_t send(int fd, void const *buffer, std::size_t size, int flags)
{
    REFUSE_ON_GMEM(fd, ENOTSOCK);
    preload::ZeroCopySend held { fd, flags };
    held.add(buffer, size);
    auto const result { one_buffer(buffer, size, [&] { return GMEM_NEXT(send)(fd, buffer, size, flags); }) };
    held.sent(result > 0);
    return result;
}
GMEM_EXPORT ssize_t recvfrom(int fd, void *buffer, std::size_t size, int flags, sockaddr *from, socklen_t *length)
{
    REFUSE_ON_GMEM(fd, ENOTSOCK);
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(recvfrom)(fd, buffer, size, flags, from, length); });
}
GMEM_EXPORT ssize_t sendto(int fd, void const *buffer, std::size_t size, int flags, sockaddr const *to, socklen_t length)
{
    REFUSE_ON_GMEM(fd, ENOTSOCK);
    preload::ZeroCopySend held { fd, flags };
    held.add(buffer, size);
    auto const result { one_buffer(buffer, size, [&] { return GMEM_NEXT(sendto)(fd, buffer, size, flags, to, length); }) };
    held.sent(result > 0);
    return result;
}
GMEM_EXPORT ssize_t recvmsg(int fd, msghdr *message, int flags)
{
    REFUSE_ON_GMEM(fd, ENOTSOCK);
    auto const result { with_recovery({ message->msg_iov, message->msg_iovlen }, [&] { return GMEM_NEXT(recvmsg)(fd, message, flags); }) };
    if (result >= 0)
        preload::welcome(*message);
    if (result >= 0 && (flags & MSG_ERRQUEUE)) [[unlikely]]
        preload::zero_copy_completed(fd, *message);
    return result;
}
GMEM_EXPORT ssize_t sendmsg(int fd, msghdr const *message, int flags)
{
    REFUSE_ON_GMEM(fd, ENOTSOCK);
    preload::ZeroCopySend held { fd, flags };
    held.add(message->msg_iov, message->msg_iovlen);
    auto const result { with_recovery({ message->msg_iov, message->msg_iovlen }, [&] { return GMEM_NEXT(sendmsg)(fd, message, flags); }) };
    held.sent(result > 0);
    return result;
}

// Many messages: EFAULT about the first of them only; the kernel answers a later one with the number of those before it.
GMEM_EXPORT int recvmmsg(int fd, mmsghdr *messages, unsigned count, int flags, timespec *timeout)
{
    if (is_gmem(fd)) [[unlikely]]
        return preload::refuse(ENOTSOCK);
    auto const first { count ? Buffers { messages->msg_hdr.msg_iov, messages->msg_hdr.msg_iovlen } : Buffers { nullptr, 0 } };
    auto const result { with_recovery(first, [&] { return GMEM_NEXT(recvmmsg)(fd, messages, count, flags, timeout); }) };
    for (int i { 0 }; i < result; ++i) {
        preload::welcome(messages[i].msg_hdr);
        if (flags & MSG_ERRQUEUE) [[unlikely]]
            preload::zero_copy_completed(fd, messages[i].msg_hdr);
    }
    return result;
}
GMEM_EXPORT int sendmmsg(int fd, mmsghdr *messages, unsigned count, int flags)
{
    if (is_gmem(fd)) [[unlikely]]
        return preload::refuse(ENOTSOCK);
    auto const first { count ? Buffers { messages->msg_hdr.msg_iov, messages->msg_hdr.msg_iovlen } : Buffers { nullptr, 0 } };
    preload::ZeroCopySend held { fd, flags };
    for (unsigned i { 0 }; i < count && (flags & MSG_ZEROCOPY); ++i)
        held.add(messages[i].msg_hdr.msg_iov, messages[i].msg_hdr.msg_iovlen);
    auto const result { with_recovery(first, [&] { return GMEM_NEXT(sendmmsg)(fd, messages, count, flags); }) };
    held.sent(result > 0 ? static_cast<std::uint32_t>(result) : 0);
    return result;
}
GMEM_EXPORT ssize_t process_vm_readv(pid_t pid, iovec const *ours, unsigned long our_count, iovec const *theirs, unsigned long their_count, unsigned long flags) noexcept
{
    return with_recovery({ ours, our_count }, [&]() noexcept {
        return with_recovery({ theirs, their_count }, [&]() noexcept { return GMEM_NEXT(process_vm_readv)(pid, ours, our_count, theirs, their_count, flags); });
    });
}
GMEM_EXPORT ssize_t process_vm_writev(pid_t pid, iovec const *ours, unsigned long our_count, iovec const *theirs, unsigned long their_count, unsigned long flags) noexcept
{
    return with_recovery({ ours, our_count }, [&]() noexcept {
        return with_recovery({ theirs, their_count }, [&]() noexcept { return GMEM_NEXT(process_vm_writev)(pid, ours, our_count, theirs, their_count, flags); });
    });
}
GMEM_EXPORT ssize_t getrandom(void *buffer, std::size_t size, unsigned flags)
{
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(getrandom)(buffer, size, flags); });
}

// What -D_FORTIFY_SOURCE makes of the same names.
extern "C" {
ssize_t __read_chk(int, void *, std::size_t, std::size_t);
ssize_t __pread_chk(int, void *, std::size_t, off_t, std::size_t);
ssize_t __pread64_chk(int, void *, std::size_t, off64_t, std::size_t);
ssize_t __recv_chk(int, void *, std::size_t, std::size_t, int);
ssize_t __recvfrom_chk(int, void *, std::size_t, std::size_t, int, sockaddr *, socklen_t *);
}
GMEM_EXPORT ssize_t __read_chk(int fd, void *buffer, std::size_t size, std::size_t room)
{
    REFUSE_ON_GMEM(fd, EINVAL);
    DirectIo const held { fd, buffer, size };
    return shown(fd, buffer, one_buffer(buffer, size, [&] { return GMEM_NEXT(__read_chk)(fd, buffer, size, room); }));
}
GMEM_EXPORT ssize_t __pread_chk(int fd, void *buffer, std::size_t size, off_t offset, std::size_t room)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, buffer, size };
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(__pread_chk)(fd, buffer, size, offset, room); });
}
GMEM_EXPORT ssize_t __pread64_chk(int fd, void *buffer, std::size_t size, off64_t offset, std::size_t room)
{
    REFUSE_POSITION_ON_GMEM(fd, offset);
    DirectIo const held { fd, buffer, size };
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(__pread64_chk)(fd, buffer, size, offset, room); });
}
GMEM_EXPORT ssize_t __recv_chk(int fd, void *buffer, std::size_t size, std::size_t room, int flags)
{
    REFUSE_ON_GMEM(fd, ENOTSOCK);
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(__recv_chk)(fd, buffer, size, room, flags); });
}
GMEM_EXPORT ssize_t __recvfrom_chk(int fd, void *buffer, std::size_t size, std::size_t room, int flags, sockaddr *from, socklen_t *length)
{
    REFUSE_ON_GMEM(fd, ENOTSOCK);
    return one_buffer(buffer, size, [&] { return GMEM_NEXT(__recvfrom_chk)(fd, buffer, size, room, flags, from, length); });
}
