#pragma once
// Calls of a file on a guest_memfd: section 4.4.

#include "spec/state.hpp"

namespace gmem::spec {

struct FallocateCall final {
    int mode;
    std::int64_t offset, length;
};

inline constexpr int keep_size { 1 }, punch_hole { 2 };

// The errno that fallocate must have; 0 for success, and then the file is moved to the state after it.
int fallocate(File &file, FallocateCall const &call);

struct MmapCall final {
    std::uint64_t length;
    bool shared, executable;
};

// The errno that mmap must have on this file; 0 for success. Offset and length may lie beyond the end.
int mmap_errno(File const &file, MmapCall const &call);

} // namespace gmem::spec
