#include "preload/arrivals.hpp"

#include "os/description_calls.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"

#include <cstring>

namespace gmem::preload {
namespace {

void arrived(int fd) noexcept
{
    FdTable::leave(fd); // libc closed the number's old owner where we did not see it
    FdTable::recognise(fd);
}

} // namespace

void welcome(msghdr const &message) noexcept
{
    if (message.msg_controllen < sizeof(cmsghdr)) [[likely]]
        return;
    ErrnoKept kept;
    auto *const m { const_cast<msghdr *>(&message) };
    for (auto *c { CMSG_FIRSTHDR(m) }; c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        auto const count { (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) };
        for (std::size_t i { 0 }; i < count; ++i) {
            int fd { -1 };
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            arrived(fd);
        }
    }
}

void welcome_inherited() noexcept
{
    // Where /proc cannot be read they are recognised later, by the first call that fails.
    os::find_descriptor([](int fd, void *) noexcept { return FdTable::recognise(fd), false; }, nullptr);
}

} // namespace gmem::preload
