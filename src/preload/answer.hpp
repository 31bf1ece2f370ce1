#pragma once
// From a kernel's way of answering (0, a value, or -errno) to libc's.

#include "os/syscall.hpp"

#include <cerrno>

namespace gmem::preload {

// Success leaves errno alone: what our own work did to it is nobody's business.
template <typename T = int>
T answer(long result) noexcept
{
    if (!os::failed(result))
        return static_cast<T>(result);
    errno = static_cast<int>(-result);
    return static_cast<T>(-1);
}

template <typename T = int>
T refuse(int err) noexcept
{
    errno = err;
    return static_cast<T>(-1);
}

class ErrnoKept final {
public:
    ErrnoKept() noexcept : saved_ { errno } {}
    ~ErrnoKept() { errno = saved_; }
    ErrnoKept(ErrnoKept const &) = delete;

    // It is not a success after all.
    int failed_with(int err) noexcept
    {
        saved_ = err;
        return -1;
    }

private:
    int saved_;
};

} // namespace gmem::preload

#define GMEM_EXPORT extern "C" __attribute__((visibility("default")))
