#include "os/host_limits.hpp"

#include "base/text.hpp"
#include "os/syscall.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>

namespace gmem::os {
namespace {

// Is any swap device in use? /proc/swaps has a heading, then a line each.
bool swap_in_use() noexcept
{
    char text[512];
    auto const length { read_small_file("/proc/swaps", text, sizeof text) };
    if (length < 0)
        return true;
    char const *const heading_end { std::strchr(text, '\n') };
    return heading_end && heading_end[1] != '\0';
}

// "0" in memory.swap.max of the own cgroup (v2). v1 has no such plain zero: its answer is "reachable".
bool cgroup_forbids_swap() noexcept
{
    char membership[1024];
    if (read_small_file("/proc/self/cgroup", membership, sizeof membership) < 0)
        return false;
    char *const unified { std::strstr(membership, "0::") };
    if (!unified)
        return false;
    char *const path { unified + 3 };
    if (char *const end { std::strchr(path, '\n') })
        *end = '\0';
    char file[1200];
    Text { file } << "/sys/fs/cgroup" << path << "/memory.swap.max";
    char value[32];
    return read_small_file(file, value, sizeof value) > 0 && value[0] == '0' && value[1] == '\n';
}

} // namespace

long read_small_file(char const *path, char *buffer, std::size_t size) noexcept
{
    auto const fd { system_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) };
    if (failed(fd))
        return fd;
    auto const length { system_call(SYS_read, fd, buffer, size - 1) };
    system_call(SYS_close, fd);
    buffer[failed(length) ? 0 : length] = '\0';
    return length;
}

Swap swap_of_this_process() noexcept
{
    return swap_in_use() && !cgroup_forbids_swap() ? Swap::reachable : Swap::unreachable;
}

std::size_t most_mappings() noexcept
{
    char text[32];
    if (read_small_file("/proc/sys/vm/max_map_count", text, sizeof text) <= 0)
        return 65530;
    std::size_t n { 0 };
    for (char const *c { text }; *c >= '0' && *c <= '9'; ++c)
        n = n * 10 + static_cast<std::size_t>(*c - '0');
    return n;
}

std::uint64_t lockable_bytes() noexcept
{
    rlimit limit { 0, 0 };
    system_call(SYS_prlimit64, 0, RLIMIT_MEMLOCK, nullptr, &limit);
    return limit.rlim_cur;
}

} // namespace gmem::os
