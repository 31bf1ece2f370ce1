#pragma once
// Names of <fcntl.h> and <sys/stat.h> that folders above os/ need.

#include "os/linux_abi.hpp"
#include "os/syscall.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace gmem::os {

inline constexpr unsigned memfd_flags { MFD_CLOEXEC | MFD_ALLOW_SEALING };
inline constexpr int current_directory { AT_FDCWD };
inline constexpr int open_path { O_PATH };
inline constexpr int open_folder { O_RDONLY | O_DIRECTORY };
inline constexpr int open_read_write { O_RDWR };
inline constexpr int close_on_exec { O_CLOEXEC };
inline constexpr int append_to { O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC };
inline constexpr int f_getfl { F_GETFL };

// On x86-64 libc's struct stat is the kernel's.
using KernelStat = struct stat;

} // namespace gmem::os
