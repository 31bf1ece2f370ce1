#include "preload/zero_copy.hpp"

#include "os/file_calls.hpp"
#include "os/signals.hpp"

#include <cstring>
#include <linux/errqueue.h>

namespace gmem::preload {
namespace {

using memory::Holds;
using memory::PinKind;

// The kernel numbers the zero-copy sends of a socket; the numbers cannot be asked for, so we count along. A socket is known by its
// inode, whatever its descriptors are; the oldest is forgotten when there are too many.
struct Counted final {
    std::uint64_t inode;
    std::uint32_t next;
};
constexpr std::size_t most_sockets { 1024 };
constinit Counted sockets[most_sockets] {};
constinit std::size_t oldest { 0 };
constinit os::Mutex sockets_lock;

// The number of the first of `count` sends that were just made.
std::uint32_t numbered(int fd, std::uint32_t count) noexcept
{
    os::KernelStat facts {};
    if (os::failed(os::system_call(SYS_fstat, fd, &facts)))
        return 0;
    os::SignalsBlocked blocked;
    os::Locked guard { sockets_lock };
    for (auto &s : sockets)
        if (s.inode == facts.st_ino) {
            s.next += count;
            return s.next - count;
        }
    sockets[oldest] = { facts.st_ino, count };
    oldest = (oldest + 1) % most_sockets;
    return 0;
}

bool copies_nothing(int fd) noexcept
{
    int on { 0 };
    socklen_t size { sizeof on };
    return os::system_call(SYS_getsockopt, fd, SOL_SOCKET, SO_ZEROCOPY, &on, &size) == 0 && on;
}

void completed(int fd, std::uint32_t first, std::uint32_t last) noexcept
{
    auto const number { Holds::number_of(PinKind::asynchronous, fd) };
    if (first > last) { // the numbers begin again
        Holds::drop(PinKind::asynchronous, number, 0, first, UINT32_MAX);
        first = 0;
    }
    Holds::drop(PinKind::asynchronous, number, 0, first, last);
}

bool is_error_report(cmsghdr const &c) noexcept
{
    constexpr int ipv4 { 0 }, ipv4_error { 11 }, ipv6 { 41 }, ipv6_error { 25 }, vsock { 287 }, vsock_error { 1 };
    return (c.cmsg_level == ipv4 && c.cmsg_type == ipv4_error) || (c.cmsg_level == ipv6 && c.cmsg_type == ipv6_error) || (c.cmsg_level == vsock && c.cmsg_type == vsock_error);
}

} // namespace

void ZeroCopySend::begin(int fd) noexcept
{
    if (!copies_nothing(fd))
        return;
    fd_ = fd;
    hold_.emplace(PinKind::asynchronous, Holds::number_of(PinKind::asynchronous, fd));
}

void ZeroCopySend::add(iovec const *parts, std::size_t count) noexcept
{
    if (fd_ < 0) [[likely]]
        return;
    hold_->begin_part(messages_++);
    for_each_given(parts, count, [this](iovec const &part) noexcept { hold_->add_what_is_shared(whole_pages(part.iov_base, part.iov_len)); });
}

void ZeroCopySend::add(void const *buffer, std::size_t size) noexcept
{
    iovec const part { const_cast<void *>(buffer), size };
    add(&part, 1);
}

void ZeroCopySend::sent(std::uint32_t messages) noexcept
{
    if (fd_ < 0 || messages == 0) [[likely]]
        return;
    hold_->keep_as(numbered(fd_, messages), messages);
}

void zero_copy_completed(int fd, msghdr const &message) noexcept
{
    if (Holds::empty())
        return;
    auto *const m { const_cast<msghdr *>(&message) };
    for (auto *c { CMSG_FIRSTHDR(m) }; c; c = CMSG_NXTHDR(m, c)) {
        sock_extended_err report {};
        if (!is_error_report(*c) || c->cmsg_len < CMSG_LEN(sizeof report))
            continue;
        std::memcpy(&report, CMSG_DATA(c), sizeof report);
        if (report.ee_origin == SO_EE_ORIGIN_ZEROCOPY && report.ee_errno == 0)
            completed(fd, report.ee_info, report.ee_data);
    }
}

} // namespace gmem::preload
