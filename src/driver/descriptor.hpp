#pragma once
// One descriptor, closed with its owner.

#include <unistd.h>
#include <utility>

namespace gmem::driver {

class Descriptor final {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_ { fd } {}
    Descriptor(Descriptor &&other) noexcept : fd_ { std::exchange(other.fd_, -1) } {}
    Descriptor &operator=(Descriptor &&other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int get() const { return fd_; }

private:
    int fd_ { -1 };
};

} // namespace gmem::driver
