#include "preload/direct_io.hpp"

#include "os/description_calls.hpp"

namespace gmem::preload {

// A private page in the buffer is the kernel's to refuse: what comes before it may be transferred.
void DirectIo::hold(int fd, void const *buffer, std::size_t size) noexcept
{
    if (os::is_direct(fd))
        hold_.add_what_is_shared(whole_pages(buffer, size));
}

void DirectIo::hold(int fd, iovec const *parts, int count) noexcept
{
    if (count > 0 && os::is_direct(fd))
        for_each_given(parts, static_cast<std::size_t>(count), [this](iovec const &part) noexcept { hold_.add_what_is_shared(whole_pages(part.iov_base, part.iov_len)); });
}

} // namespace gmem::preload
