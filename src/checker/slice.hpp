#pragma once
// A part of a file as the specification's functions want it: pages of which nothing that is known tells one from the other stand for one page.

#include "checker/world.hpp"
#include "base/units.hpp"

#include <vector>

namespace gmem::checker {

class Slice final {
public:
    // Pages [first, last) as they may be during the moment; `singled_out` has a place of its own if it is among them.
    Slice(World &w, Moment const &m, Pages pages, std::uint64_t singled_out);

    // What may be assumed where nothing is known.
    struct Assume final {
        spec::PageState unknown_pages;
        bool pinned_perhaps; // is the page that is singled out held, if perhaps it is?
    };
    spec::File file(spec::VmRules vm, Assume a) const;
    bool has_unknown() const;
    bool has_perhaps() const;

    std::uint64_t size() const { return pieces_.size() * page_size; }
    // A byte of the file in the slice, and a page of the slice in the file.
    std::uint64_t to_slice(std::uint64_t offset) const;
    std::uint64_t page_in_file(std::uint64_t piece) const { return piece < pieces_.size() ? pieces_[piece].first : pieces_.back().last; }

private:
    struct Piece final {
        std::uint64_t first, last;
        Known state;
        bool surely { false }, perhaps { false }, singled_out { false };
    };
    std::vector<Piece> pieces_;
};

} // namespace gmem::checker
