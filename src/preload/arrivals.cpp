#include "preload/arrivals.hpp"

#include "os/file_calls.hpp"
#include "preload/answer.hpp"
#include "preload/fd_table.hpp"

#include <cstring>
#include <dirent.h>

namespace gmem::preload {
namespace {

void arrived(int fd) noexcept
{
    FdTable::leave(fd); // libc closed the number's old owner where we did not see it
    FdTable::recognise(fd);
}

// The record of getdents64.
struct Entry final {
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t length;
    std::uint8_t type;
    char name[5]; // and more: zero-terminated
};

int number(char const *digits) noexcept
{
    int n { 0 };
    for (; *digits >= '0' && *digits <= '9'; ++digits)
        n = n * 10 + (*digits - '0');
    return *digits == '\0' ? n : -1;
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
    auto const folder { os::system_call(SYS_openat, os::current_directory, "/proc/self/fd", os::open_folder | os::close_on_exec) };
    if (os::failed(folder))
        return; // recognised later, by the first call that fails
    alignas(Entry) char buffer[2048];
    for (long got; (got = os::system_call(SYS_getdents64, folder, static_cast<char *>(buffer), sizeof buffer)) > 0;)
        for (long at { 0 }; at < got;) {
            auto const *const entry { reinterpret_cast<Entry const *>(buffer + at) };
            if (auto const fd { number(entry->name) }; fd >= 0 && fd != folder && entry->name[0] != '.')
                FdTable::recognise(fd);
            at += entry->length;
        }
    os::system_call(SYS_close, folder);
}

} // namespace gmem::preload
