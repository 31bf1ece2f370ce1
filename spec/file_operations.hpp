#pragma once
// Calls of a file on a guest_memfd: section 4.4.

#include "spec/state.hpp"

namespace gmem::spec {

struct FallocateCall final {
    int mode;
    std::int64_t offset, length;
};

inline constexpr int keep_size { 1 }, punch_hole { 2 };

// The errno that fallocate must have on a file of `file_size` bytes.
int fallocate_errno(std::uint64_t file_size, FallocateCall const &call);

// The same; 0 for success, and then the file is moved to the state after it.
int fallocate(File &file, FallocateCall const &call);

struct MmapCall final {
    std::uint64_t length;
    bool shared, executable;
};

// The errno that mmap must have on this file; 0 for success. Offset and length may lie beyond the end.
int mmap_errno(File const &file, MmapCall const &call);

// Everything that a file can be asked and a guest_memfd refuses.
enum class Refused : std::uint8_t { truncate, change_mode, change_owner, change_times, read, write, read_at, write_at, seek };
inline constexpr unsigned refusals { 9 };

// The errno; for read_at and write_at the specification expects ESPIPE and demands failure.
int refusal_errno(Refused what);

struct Facts final {
    std::uint64_t size, block_size, blocks;
    std::uint32_t mode;
};

// fstat: what does not depend on the past.
Facts facts(File const &file);

} // namespace gmem::spec
