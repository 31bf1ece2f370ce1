#include "os/description_calls.hpp"

#include "os/process_calls.hpp"

#include <cstdint>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace gmem::os {
namespace {

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

long status_flags(int fd) noexcept { return system_call(SYS_fcntl, fd, F_GETFL); }

} // namespace

bool same_description(int a, int b) noexcept { return system_call(SYS_kcmp, process_id(), process_id(), KCMP_FILE, a, b) == 0; }

bool same_pipe(int a, int b) noexcept
{
    struct stat one {}, other {};
    return system_call(SYS_fstat, a, &one) == 0 && system_call(SYS_fstat, b, &other) == 0 && S_ISFIFO(one.st_mode) && one.st_ino == other.st_ino
        && one.st_dev == other.st_dev;
}

long bytes_waiting(int fd) noexcept
{
    int n { 0 };
    auto const result { system_call(SYS_ioctl, fd, FIONREAD, &n) };
    return failed(result) ? result : n;
}

bool writable(int fd) noexcept
{
    auto const flags { status_flags(fd) };
    return !failed(flags) && (flags & O_ACCMODE) != O_RDONLY;
}

bool is_direct(int fd) noexcept
{
    auto const flags { status_flags(fd) };
    struct stat facts {};
    return !failed(flags) && (flags & O_DIRECT) && system_call(SYS_fstat, fd, &facts) == 0 && (S_ISREG(facts.st_mode) || S_ISBLK(facts.st_mode));
}

int find_descriptor(DescriptorVisit visit, void *context) noexcept
{
    auto const folder { static_cast<int>(system_call(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) };
    if (folder < 0)
        return -1;
    int found { -1 };
    alignas(Entry) char buffer[2048];
    for (long got; found < 0 && (got = system_call(SYS_getdents64, folder, static_cast<char *>(buffer), sizeof buffer)) > 0;)
        for (long at { 0 }; found < 0 && at < got;) {
            auto const *const entry { reinterpret_cast<Entry const *>(buffer + at) };
            auto const fd { entry->name[0] == '.' ? -1 : number(entry->name) };
            if (fd >= 0 && fd != folder && visit(fd, context))
                found = fd;
            at += entry->length;
        }
    system_call(SYS_close, folder);
    return found;
}

} // namespace gmem::os
