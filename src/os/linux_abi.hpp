#pragma once
// Numbers that Debian 12's kernel headers (6.1) may lack, and the kernel's own structures where libc has others.

#include <cstdint>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>

namespace gmem::os {

inline constexpr int madv_populate_read { 22 };
inline constexpr int madv_populate_write { 23 };
inline constexpr int madv_dontneed_locked { 24 };
inline constexpr int madv_collapse { 25 };

inline constexpr int map_fixed_noreplace { 0x100000 };

inline constexpr int f_add_seals { 1033 };
inline constexpr int seals_against_resize { 0x0001 | 0x0002 | 0x0004 }; // SEAL, SHRINK, GROW

inline constexpr int falloc_keep_size { 1 };
inline constexpr int falloc_punch_hole { 2 };

// linux/userfaultfd.h, UAPI: the features and ioctls of 5.14 that gating needs.
inline constexpr std::uint64_t uffd_features_needed { UFFD_FEATURE_SIGBUS | UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM };
inline constexpr int uffd_user_mode_only { 1 };

// rt_sigaction's argument on x86-64, which is not libc's struct sigaction.
struct KernelSigaction final {
    void *handler;
    std::uint64_t flags;
    void *restorer;
    std::uint64_t mask;
};
static_assert(sizeof(KernelSigaction) == 32);

} // namespace gmem::os
