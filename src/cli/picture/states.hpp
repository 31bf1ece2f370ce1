#pragma once
// Who may access each page of a space, at one moment.
//
// Invariants:
//   S1  a chunk whose pages are all alike has no bits.
//   S2  a chunk's count is the number of its private pages; total_ is their sum.

#include "attributes/attribute.hpp"

#include <cstdint>
#include <vector>

namespace gmem::cli::picture {

class PageStates final {
public:
    static constexpr std::uint64_t chunk_pages { 1 << 15 };

    PageStates(std::uint64_t pages, Attribute initial);

    // Pages [first, first + count), all within the space.
    void set(std::uint64_t first, std::uint64_t count, Attribute a);
    std::uint64_t private_pages(std::uint64_t first, std::uint64_t count) const;
    std::uint64_t private_pages() const noexcept { return total_; }

    // Is the chunk that page `p` is in all of one kind?
    bool is_uniform_around(std::uint64_t p) const noexcept { return chunks_[p / chunk_pages].bits.empty(); }

private:
    struct Chunk final {
        std::uint64_t count { 0 };
        std::vector<std::uint64_t> bits {};
    };
    std::uint64_t pages_in(std::uint64_t chunk) const noexcept;
    void set_in(std::uint64_t chunk, std::uint64_t first, std::uint64_t count, Attribute a);
    std::uint64_t count_in(Chunk const &c, std::uint64_t first, std::uint64_t count) const noexcept;

    std::uint64_t pages_, total_ { 0 };
    std::vector<Chunk> chunks_;
};

} // namespace gmem::cli::picture
