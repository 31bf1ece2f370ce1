#pragma once
// What a trace has told about a guest_memfd so far. What it has not told is empty, and then every possibility is tried.

#include "checker/names.hpp"
#include "checker/page_map.hpp"
#include "spec/content.hpp"

#include <optional>

namespace gmem::checker {

struct FileModel final {
    PageMap pages {};
    std::optional<std::uint64_t> size {};        // bytes
    std::uint64_t at_least { 0 };                // bytes, where the size is not known
    std::optional<bool> private_memory {};       // of the VM that made it
    std::optional<bool> mmap {};                 // GUEST_MEMFD_FLAG_MMAP
    std::optional<spec::Platform> platform {};
    std::optional<spec::Launch> launch {};
    VmName vm {};
    bool perhaps_gone { false }; // a process has let go of it: its memslots may have lost it

    // More than any file has: where nobody knows better, the end is not in the way.
    static constexpr std::uint64_t longest { std::uint64_t { 1 } << 62 };
};

} // namespace gmem::checker
