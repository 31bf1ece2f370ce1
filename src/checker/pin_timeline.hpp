#pragma once
// Who held which pages when, as far as a trace says.
//
// A pin begins with an event and ends with another one, or somewhere after the last sign of life of its process: nobody notes it when a process is
// killed, and its pins go with it.

#include "checker/order.hpp"

#include <map>

#include <unordered_map>
#include <vector>

namespace gmem::checker {

// The pages that [offset, offset + size) touches.
struct Pages final {
    std::uint64_t first, last;
};
Pages pages_of(observe::Event const &e);

class PinTimeline final {
public:
    explicit PinTimeline(std::vector<Ordered> const &all);

    enum class Held : std::uint8_t { surely, perhaps };

    // Calls visit(first, last, Held) for the pages of `file` that were held at some time in `when`. `when` begins no earlier than in the calls before.
    template <typename Visit>
    void for_each(std::uint64_t file, Span when, Visit &&visit)
    {
        auto const found { files_.find(file) };
        if (found == files_.end())
            return;
        auto &f { found->second };
        for (; f.next < f.all.size() && f.all[f.next].from.begin <= when.end; ++f.next)
            f.live.push_back(f.next);
        std::erase_if(f.live, [&](std::size_t i) { return f.all[i].until.end < when.begin; });
        for (auto const i : f.live) {
            auto const &pin { f.all[i] };
            if (pin.from.begin <= when.end)
                visit(pin.first, pin.last, pin.from.before(when) && when.before(pin.until) ? Held::surely : Held::perhaps);
        }
    }

private:
    struct Pin final {
        std::uint64_t first, last; // pages
        Span from, until;
        std::size_t group; // which pin it is, or is a part of
    };
    struct File final {
        std::vector<Pin> all;
        std::size_t next { 0 };
        std::vector<std::size_t> live;
    };
    class Builder;

    std::unordered_map<std::uint64_t, File> files_;
};

} // namespace gmem::checker
