#include "memory/hidden_file.hpp"

#include "base/text.hpp"
#include "os/file_calls.hpp"
#include "os/process_calls.hpp"

namespace gmem::memory {

Result<os::HelperFd> create_hidden_file(char const *name, Bytes size) noexcept
{
    auto const fd { os::Helper::call(SYS_memfd_create, name, os::memfd_flags) };
    if (os::failed(fd))
        return Error::os(fd, "memfd_create");
    auto const file { static_cast<os::HelperFd>(fd) };
    // Born 0777. What stat() shows, and nothing of one user's memory reaches another: a descriptor that was passed on opens for nobody else.
    auto const owned { os::Helper::call(SYS_fchmod, fd, 0600) };
    auto const sized { os::failed(owned) ? owned : os::Helper::call(SYS_ftruncate, fd, raw(size)) };
    auto const sealed { os::failed(sized) ? sized : os::Helper::call(SYS_fcntl, fd, os::f_add_seals, os::seals_against_resize) };
    if (os::failed(sealed)) {
        close_hidden_file(file);
        return Error::of(Why::no_memory, "memfd.size");
    }
    return file;
}

void close_hidden_file(os::HelperFd fd) noexcept { os::Helper::call(SYS_close, fd); }

Status allocate_in_file(os::HelperFd fd, int mode, Bytes offset, Bytes length) noexcept
{
    auto const result { os::Helper::call(SYS_fallocate, fd, mode, raw(offset), raw(length)) };
    if (os::failed(result))
        return Error::os(result, "fallocate");
    return Ok {};
}

Result<FileFacts> facts_of_file(os::HelperFd fd) noexcept
{
    os::KernelStat facts {};
    auto const result { os::Helper::call(SYS_fstat, fd, &facts) };
    if (os::failed(result))
        return Error::os(result, "fstat");
    return FileFacts { facts.st_dev, facts.st_ino, Bytes { static_cast<std::uint64_t>(facts.st_size) }, Bytes { static_cast<std::uint64_t>(facts.st_blocks) * 512 } };
}

Result<os::HelperFd> open_in_helper(int fd) noexcept
{
    char path[64];
    Text { path } << "/proc/self/task/" << os::thread_id() << "/fd/" << fd;
    auto const result { os::Helper::call(SYS_openat, os::current_directory, static_cast<char const *>(path), os::open_read_write | os::close_on_exec) };
    if (os::failed(result))
        return Error::os(result, "open.helper");
    return static_cast<os::HelperFd>(result);
}

Result<int> open_in_own_table(os::HelperFd fd, int flags) noexcept
{
    char path[64];
    Text { path } << "/proc/self/task/" << os::Helper::tid() << "/fd/" << static_cast<int>(fd);
    auto const result { os::system_call(SYS_openat, os::current_directory, static_cast<char const *>(path), flags) };
    if (os::failed(result))
        return Error::os(result, "open.own");
    return static_cast<int>(result);
}

} // namespace gmem::memory
