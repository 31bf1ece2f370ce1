#pragma once
// One guest_memfd.

#include "driver/descriptor.hpp"
#include "driver/uapi.hpp"

#include <cstdint>

namespace gmem::driver {

class Vm;

// What SET_MEMORY_ATTRIBUTES2 said. `error_offset` is bytes from the file's start, as the call left it; 0 where it wrote none.
struct Converted final {
    int err;
    std::uint64_t error_offset;
    bool done() const { return err == 0; }
};

enum class To { shared, private_ };

class GuestMemfd final {
public:
    static constexpr std::uint64_t in_place { FLAG_MMAP | FLAG_INIT_SHARED };

    // Size in bytes, page aligned.
    GuestMemfd(Vm const &vm, std::uint64_t size, std::uint64_t flags = in_place);

    int fd() const { return fd_.get(); }
    std::uint64_t size() const { return size_; }

    // `flags` as the version has them (uapi::ContentMode).
    Converted convert(std::uint64_t offset, std::uint64_t size, To to, std::uint64_t flags = 0) const;
    // FALLOC_FL_PUNCH_HOLE: 0 or the errno.
    int punch(std::uint64_t offset, std::uint64_t size) const;

private:
    std::uint64_t size_;
    Descriptor fd_;
};

} // namespace gmem::driver
