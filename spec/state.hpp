#pragma once
// What the specification knows of a guest_memfd: the dumbest model that can be right. One entry a page, no ranges, no merging.

#include "base/units.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace gmem::spec {

enum class PageState : std::uint8_t { shared, private_ };

struct Page final {
    PageState state;
    std::uint8_t byte { 0 }; // the byte that the tests write everywhere in the page; 0 until first written (4.3)

    friend bool operator==(Page, Page) = default;
};

// The VM that made the file (1.5): has it private memory, and may INIT_SHARED be asked of it?
struct VmRules final {
    bool private_memory;
    bool in_place_conversion;
};

struct Binding final {
    std::uint32_t slot;
    std::uint64_t gpa, size, offset;
};

struct File final {
    VmRules vm;
    bool mmap;
    std::vector<Page> pages;
    std::vector<Binding> bindings;

    std::uint64_t size() const { return pages.size() * page_size; }
    friend bool operator==(File const &a, File const &b) { return a.pages == b.pages; }
};

// What a call answered: errno (0 is success), and error_offset where it was written.
struct Outcome final {
    int err { 0 };
    std::optional<std::uint64_t> error_offset {};

    friend bool operator==(Outcome const &, Outcome const &) = default;
};

} // namespace gmem::spec
