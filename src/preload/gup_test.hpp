#pragma once
// /sys/kernel/debug/gup_test: the kernel's pinner for tests (PIN_LONGTERM_TEST_START, _STOP, _READ). Where a kernel has none, a stand-in
// does the same to memory of gmem and of the program; where it has one, its pins are seen.

#include <cstdint>

namespace gmem::preload {

class GupTest final {
public:
    static bool is_path(char const *path) noexcept;

    // A description of the file: its number, with one reference; 0 when there are too many.
    static std::uint32_t open() noexcept;
    static void acquire(std::uint32_t description) noexcept;
    static void release(std::uint32_t description) noexcept; // the last one ends the test, as in the kernel

    // libc's way of answering.
    static int ioctl_of_stand_in(unsigned long command, std::uintptr_t argument) noexcept;
    static int ioctl_of_real(int fd, unsigned long command, void *argument) noexcept;
};

} // namespace gmem::preload
