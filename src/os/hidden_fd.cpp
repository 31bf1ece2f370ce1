#include "os/hidden_fd.hpp"

#include <fcntl.h>
#include <sys/resource.h>

namespace gmem::os {

int move_out_of_the_way(int fd) noexcept
{
    rlimit limit { 1024, 1024 };
    system_call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
    // Below 1024 so that the kernel's descriptor table need not grow.
    rlim_t const ceiling { limit.rlim_cur < 1024 ? limit.rlim_cur : 1024 };
    auto const moved { system_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, ceiling - ceiling / 16) };
    if (failed(moved))
        return fd; // the table is full up there: the low number will do, the guard of close() protects it as well
    system_call(SYS_close, fd);
    return static_cast<int>(moved);
}

} // namespace gmem::os
