#pragma once
// What is known of the attributes of a file's pages, as runs: a trace may be of 1 TiB, or say that it is.
//
// Invariants:
//   M1  there is a run that begins at page 0; the last one has no end.
//   M2  neighbouring runs differ.

#include <cstdint>
#include <map>

namespace gmem::checker {

enum class Known : std::uint8_t { shared, private_, unknown };

class PageMap final {
public:
    explicit PageMap(Known all = Known::unknown) : runs_ { { 0, all } } {}

    Known at(std::uint64_t page) const { return std::prev(runs_.upper_bound(page))->second; }

    // Pages [first, last).
    void set(std::uint64_t first, std::uint64_t last, Known to)
    {
        if (first >= last)
            return;
        auto const behind { at(last) };
        runs_.erase(runs_.lower_bound(first), runs_.lower_bound(last));
        runs_[last] = behind;
        runs_[first] = to;
        merge(last);
        merge(first);
    }

    // Calls visit(first, last, state) for the runs in [first, last), ascending.
    template <typename Visit>
    void for_each(std::uint64_t first, std::uint64_t last, Visit &&visit) const
    {
        for (auto run { std::prev(runs_.upper_bound(first)) }; run != runs_.end() && run->first < last; ++run) {
            auto const next { std::next(run) };
            visit(run->first < first ? first : run->first, next == runs_.end() || next->first > last ? last : next->first, run->second);
        }
    }

    bool any(std::uint64_t first, std::uint64_t last, Known state) const
    {
        bool found { false };
        for_each(first, last, [&](std::uint64_t, std::uint64_t, Known k) { found = found || k == state; });
        return found;
    }

private:
    void merge(std::uint64_t at)
    {
        auto const run { runs_.find(at) };
        if (run != runs_.begin() && std::prev(run)->second == run->second)
            runs_.erase(run);
    }

    std::map<std::uint64_t, Known> runs_;
};

} // namespace gmem::checker
