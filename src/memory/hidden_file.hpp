#pragma once
// A memfd that only the helper's descriptor table holds.

#include "base/result.hpp"
#include "os/file_calls.hpp"
#include "os/helper.hpp"

namespace gmem::memory {

// A memfd of exactly `size` bytes, sealed against any other size. EFBIG and the like become ENOMEM: the interface that
// gmem presents knows no other word for "too much".
Result<os::HelperFd> create_hidden_file(char const *name, Bytes size) noexcept;

void close_hidden_file(os::HelperFd fd) noexcept;

// fallocate() on a hidden file. The kernel's errno.
Status allocate_in_file(os::HelperFd fd, int mode, Bytes offset, Bytes length) noexcept;

// What fstat says.
struct FileFacts final {
    std::uint64_t device, inode;
    Bytes size, allocated;
};
Result<FileFacts> facts_of_file(os::HelperFd fd) noexcept;

// Opens another description, for reading and writing, of the file behind a descriptor of the calling thread's table (which may be
// O_PATH) in the helper's table. Needs /proc.
Result<os::HelperFd> open_in_helper(int fd) noexcept;

// Opens another description of a hidden file in the caller's table, with `flags` (O_PATH, O_RDWR, O_CLOEXEC...). The lowest
// free number, as open() gives. Needs /proc.
Result<int> open_in_own_table(os::HelperFd fd, int flags) noexcept;

} // namespace gmem::memory
