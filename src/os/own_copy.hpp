#pragma once
// A second description of a hidden file at a high number of the program's own table: a call through it spares the round trip to the
// helper. The program does not know of it; should it lose it all the same, the helper's descriptor does.

#include <atomic>
#include <cstdint>

namespace gmem::os {

// Which numbers of the program's table are gmem's. The interposed close family goes around them.
class OwnNumbers final {
public:
    static constexpr int most { 1024 };

    static bool contains(int fd) noexcept { return in_range(fd) && (words_[fd / 64].load(std::memory_order_acquire) >> (fd % 64) & 1); }
    static bool add(int fd) noexcept; // false: the number is too high to be remembered
    static void remove(int fd) noexcept;

    // The first of ours in [first, last], or -1.
    static int first_in(unsigned first, unsigned last) noexcept;

private:
    static bool in_range(int fd) noexcept { return fd >= 0 && fd < most; }
    static std::atomic<std::uint64_t> words_[most / 64];
};

// Invariant: get() is a descriptor of exactly the file that adopt() was told, or -1.
class OwnCopy final {
public:
    // Takes over `fd`; it must be a copy of the file with this identity. Closes it where it cannot be kept.
    void adopt(int fd, std::uint64_t device, std::uint64_t inode) noexcept;

    // Confirmed by fstat at each call: the program may have closed or replaced it by means that we do not see.
    int get() noexcept;

    void close() noexcept;

private:
    std::atomic<int> fd_ { -1 };
    std::uint64_t device_ { 0 }, inode_ { 0 };
};

} // namespace gmem::os
