#pragma once
// Which events touched the same thing at the same time.

#include "checker/names.hpp"
#include "checker/order.hpp"

#include <cstddef>
#include <map>
#include <vector>

namespace gmem::checker {

class Neighbours final {
public:
    // More at once than any program has. Then nobody looks at their order any more.
    static constexpr std::size_t most { 512 };

    Neighbours(std::vector<Ordered> const &all, Order order);

    struct AtOnce final {
        std::vector<Ordered const *> others;
        bool too_many { false };
    };
    // Event `i` of the list, asked in ascending order. What it touches: a VM's slots, or a file.
    AtOnce of(std::size_t i);

    // The same of what event `i` looked at and did not touch.
    AtOnce around(std::size_t i, std::uint64_t file);
    AtOnce around(std::size_t i, VmName slots_of);

private:
    // A file, or the slots of a VM.
    struct Name final {
        std::uint64_t file { 0 };
        VmName vm {};

        friend auto operator<=>(Name const &, Name const &) = default;
    };
    struct Thing final {
        std::vector<std::size_t> all; // indexes of the list, ascending
        std::size_t next { 0 };       // in `all`
        std::vector<std::size_t> live;
    };
    Name name_of(observe::Event const &e) const;
    AtOnce at(Thing &t, std::size_t i);

    std::vector<Ordered> const &list_;
    Order order_;
    std::map<Name, Thing> things_;
};

} // namespace gmem::checker
