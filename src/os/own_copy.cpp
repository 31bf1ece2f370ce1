#include "os/own_copy.hpp"

#include "os/file_calls.hpp"
#include "os/hidden_fd.hpp"

namespace gmem::os {

constinit std::atomic<std::uint64_t> OwnNumbers::words_[OwnNumbers::most / 64] {};

bool OwnNumbers::add(int fd) noexcept
{
    if (!in_range(fd))
        return false;
    words_[fd / 64].fetch_or(std::uint64_t { 1 } << (fd % 64), std::memory_order_acq_rel);
    return true;
}

void OwnNumbers::remove(int fd) noexcept
{
    if (in_range(fd))
        words_[fd / 64].fetch_and(~(std::uint64_t { 1 } << (fd % 64)), std::memory_order_acq_rel);
}

int OwnNumbers::first_in(unsigned first, unsigned last) noexcept
{
    for (unsigned fd { first }; fd <= last && fd < most;) {
        if (fd % 64 == 0 && words_[fd / 64].load(std::memory_order_acquire) == 0) {
            fd += 64;
            continue;
        }
        if (contains(static_cast<int>(fd)))
            return static_cast<int>(fd);
        ++fd;
    }
    return -1;
}

void OwnCopy::adopt(int fd, std::uint64_t device, std::uint64_t inode) noexcept
{
    auto const moved { move_out_of_the_way(fd) };
    if (!OwnNumbers::add(moved)) {
        system_call(SYS_close, moved);
        return;
    }
    device_ = device;
    inode_ = inode;
    fd_.store(moved, std::memory_order_release);
}

int OwnCopy::get() noexcept
{
    auto const fd { fd_.load(std::memory_order_acquire) };
    if (fd < 0 || Restrictions::any()) // a restricted thread can do little with a descriptor: the helper does it
        return -1;
    KernelStat facts {};
    if (OwnNumbers::contains(fd) && !failed(system_call(SYS_fstat, fd, &facts)) && facts.st_ino == inode_ && facts.st_dev == device_)
        return fd;
    fd_.store(-1, std::memory_order_release);
    return -1;
}

void OwnCopy::close() noexcept
{
    if (auto const fd { get() }; fd >= 0) {
        OwnNumbers::remove(fd);
        system_call(SYS_close, fd);
    }
    fd_.store(-1, std::memory_order_release);
}

} // namespace gmem::os
