#pragma once
// Which events touched the same thing at the same time.

#include "checker/order.hpp"

#include <cstddef>
#include <unordered_map>
#include <vector>

namespace gmem::checker {

class Neighbours final {
public:
    // More at once than any program has. Then nobody looks at their order any more.
    static constexpr std::size_t most { 512 };

    explicit Neighbours(std::vector<Ordered> const &all);

    struct AtOnce final {
        std::vector<Ordered const *> others;
        bool too_many { false };
    };
    // Event `i` of the list, asked in ascending order. What it touches: a VM's slots, or a file.
    AtOnce of(std::size_t i);

private:
    struct Thing final {
        std::vector<std::size_t> all; // indexes of the list, ascending
        std::size_t next { 0 };       // in `all`
        std::vector<std::size_t> live;
    };
    static std::uint64_t thing_of(observe::Event const &e);

    std::vector<Ordered> const &list_;
    std::unordered_map<std::uint64_t, Thing> things_;
};

} // namespace gmem::checker
