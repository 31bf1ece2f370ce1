#pragma once
// Whether a test of huge pages can be run here.

#include "tests/support/file.hpp"

#include <cstdint>
#include <sys/mman.h>
#include <unistd.h>

namespace gmem::test {

inline constexpr std::uint64_t extent { 512 }; // pages
inline constexpr std::uint64_t extent_bytes { extent * page };

// Asked of the kernel without gmem: where it can, gmem must.
inline bool kernel_makes_huge_pages()
{
    static bool const makes { [] {
        int const file { memfd_create("collapse", MFD_CLOEXEC) };
        EXPECT_EQ(ftruncate(file, extent_bytes), 0);
        auto const room { reinterpret_cast<std::uintptr_t>(mmap(nullptr, 2 * extent_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) };
        auto *const aligned { mmap(reinterpret_cast<void *>((room + extent_bytes - 1) & ~(extent_bytes - 1)), extent_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) };
        bool const collapsed { madvise(aligned, extent_bytes, 23 /* POPULATE_WRITE */) == 0 && madvise(aligned, extent_bytes, 25 /* COLLAPSE */) == 0 };
        munmap(reinterpret_cast<void *>(room), 2 * extent_bytes);
        close(file);
        return collapsed;
    }() };
    return makes;
}

} // namespace gmem::test

#define NEEDS_HUGE_PAGES()                        \
    if (!::gmem::test::kernel_makes_huge_pages()) \
    GTEST_SKIP() << "this kernel does not collapse shmem"
