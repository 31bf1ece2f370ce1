#pragma once
// Where the file of a gmem has memory, guest pages and control block alike.

#include "memory/guest_memory.hpp"

#include <optional>

namespace gmem::memory {

struct FileData final {
    std::uint64_t begin, end; // bytes of the file, page aligned where the question was
};

// The first stretch with memory in [from, limit): swapped out counts. nullopt: all of it is a hole.
std::optional<FileData> next_data(GuestMemory &file, std::uint64_t from, std::uint64_t limit) noexcept;

// Has the page memory of its own?
bool has_memory(GuestMemory &file, PageNo p) noexcept;

} // namespace gmem::memory
