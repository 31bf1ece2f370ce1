#pragma once
// O_DIRECT: the device reads and writes the program's buffer itself, so its pages are held while the call lasts.

#include "memory/hold.hpp"
#include "preload/ranges.hpp"

namespace gmem::preload {

class DirectIo final {
public:
    DirectIo(int fd, void const *buffer, std::size_t size) noexcept
    {
        if (memory::Space::may_touch(whole_pages(buffer, size))) [[unlikely]]
            hold(fd, buffer, size);
    }
    DirectIo(int fd, iovec const *parts, int count) noexcept
    {
        if (windows_exist()) [[unlikely]]
            hold(fd, parts, count);
    }

private:
    void hold(int fd, void const *buffer, std::size_t size) noexcept;
    void hold(int fd, iovec const *parts, int count) noexcept;

    memory::Hold hold_ { memory::PinKind::direct_io, -1 };
};

} // namespace gmem::preload
