#pragma once
// One mapping, unmapped with its owner.

#include "driver/failure.hpp"

#include <cstddef>
#include <sys/mman.h>
#include <utility>

namespace gmem::driver {

class Mapping final {
public:
    Mapping(int fd, std::size_t size, int flags) : size_ { size }, at_ { must("mmap", ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0)) } {}
    static Mapping anonymous(std::size_t size) { return { -1, size, MAP_PRIVATE | MAP_ANONYMOUS }; }
    static Mapping shared(int fd, std::size_t size) { return { fd, size, MAP_SHARED }; }
    Mapping(Mapping &&other) noexcept : size_ { other.size_ }, at_ { std::exchange(other.at_, nullptr) } {}
    Mapping &operator=(Mapping &&) = delete;
    ~Mapping()
    {
        if (at_)
            ::munmap(at_, size_);
    }

    std::byte *at(std::size_t offset = 0) const { return static_cast<std::byte *>(at_) + offset; }
    std::size_t size() const { return size_; }

private:
    std::size_t size_;
    void *at_;
};

} // namespace gmem::driver
