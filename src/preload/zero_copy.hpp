#pragma once
// MSG_ZEROCOPY: a socket sends from the program's pages. They are held until the program reads the notification from the error queue.

#include "memory/hold.hpp"
#include "preload/ranges.hpp"

#include <sys/socket.h>

namespace gmem::preload {

class ZeroCopySend final {
public:
    // Nothing happens, at the cost of one comparison, without MSG_ZEROCOPY in the flags.
    ZeroCopySend(int fd, int flags) noexcept
    {
        if (flags & MSG_ZEROCOPY) [[unlikely]]
            begin(fd);
    }
    // What one send call will hand over.
    void add(iovec const *parts, std::size_t count) noexcept;
    void add(void const *buffer, std::size_t size) noexcept;

    // So many of them succeeded.
    void sent(std::uint32_t messages) noexcept;

private:
    void begin(int fd) noexcept;

    int fd_ { -1 }; // -1: copied as ever
    std::uint32_t messages_ { 0 };
    std::optional<memory::Hold> hold_;
};

// After recvmsg with MSG_ERRQUEUE.
void zero_copy_completed(int fd, msghdr const &message) noexcept;

} // namespace gmem::preload
