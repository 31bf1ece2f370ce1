#pragma once
// How often each page was converted. First in pieces as small as memory allows, then the hottest of them page by page.

#include "cli/picture/survey.hpp"

namespace gmem::cli::picture {

struct Hot final {
    Place place;
    std::uint64_t conversions;
};

class Heat final {
public:
    static constexpr std::uint64_t most_pieces { std::uint64_t { 1 } << 21 };
    static constexpr std::size_t most_windows { 64 };

    // All of every space.
    explicit Heat(Survey const &survey);
    // The hottest pieces of `coarse`, page by page.
    Heat(Survey const &survey, Heat const &coarse);

    bool is_by_page() const noexcept { return shift_ == 0; }
    void add(Place const &p);

    // The hottest runs of pieces of equal count, the hottest first.
    std::vector<Hot> hottest(std::size_t most) const;

private:
    struct Window final {
        std::uint32_t space;
        std::uint64_t first, count;           // pages
        std::vector<std::int64_t> differences; // from piece to piece, of the count; one more at the end
    };
    void add_window(std::uint32_t space, std::uint64_t first, std::uint64_t count);

    Survey const &survey_;
    unsigned shift_ { 0 };
    std::vector<Window> windows_ {};            // by space
    std::vector<std::size_t> first_window_of_ {}; // and where each space's begin
};

} // namespace gmem::cli::picture
