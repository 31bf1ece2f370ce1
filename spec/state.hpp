#pragma once
// What the specification knows of a guest_memfd: the dumbest model that can be right. One entry a page, no ranges, no merging.
// State belongs to the inode (4.1): descriptors, windows and processes are only ways to it, so fork and dup change nothing here.

#include "base/units.hpp"
#include "spec/content.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gmem::spec {

enum class PageState : std::uint8_t { shared, private_ };

struct Page final {
    PageState state;
    std::uint8_t byte { 0 };  // the byte that the tests write everywhere in the page; 0 until first written (4.3)
    std::uint16_t pins { 0 }; // references that are neither the file's nor the checker's (3.1)
    bool unknown { false };   // `byte` is not what it holds: scrambled, or the trusted side's affair (2.6)

    friend bool operator==(Page, Page) = default;
};

// The VM that made the file (1.5): has it private memory, and may INIT_SHARED be asked of it?
struct VmRules final {
    bool private_memory;
    bool in_place_conversion;
    Profile profile { Profile::mainline };
    Platform platform { Platform::sw_protected };
    Launch launch { Launch::finished };
};

struct File final {
    VmRules vm;
    bool mmap;
    std::vector<Page> pages;

    std::uint64_t size() const { return pages.size() * page_size; }
    friend bool operator==(File const &a, File const &b) { return a.pages == b.pages; }
};

// What a call answered: errno (0 is success), and error_offset where it was written.
struct Outcome final {
    int err { 0 };
    std::optional<std::uint64_t> error_offset {};

    friend bool operator==(Outcome const &, Outcome const &) = default;
};

// A sentence that says which statement was broken; nothing when all is well.
using Complaint = std::optional<std::string>;

} // namespace gmem::spec
