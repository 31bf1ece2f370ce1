#include "cli/picture/heat.hpp"

#include <algorithm>

namespace gmem::cli::picture {

Heat::Heat(Survey const &survey) : survey_ { survey }
{
    auto const pieces { [&] {
        std::uint64_t sum { 0 };
        for (auto const &s : survey.spaces)
            sum += ((s.pages - 1) >> shift_) + 1;
        return sum;
    } };
    while (pieces() > most_pieces)
        ++shift_;
    for (std::uint32_t i { 0 }; i < survey.spaces.size(); ++i)
        add_window(i, 0, survey.spaces[i].pages);
}

Heat::Heat(Survey const &survey, Heat const &coarse) : survey_ { survey }
{
    auto hottest { coarse.hottest(most_windows) };
    std::ranges::sort(hottest, {}, [](Hot const &h) { return std::pair { h.place.space, h.place.first }; });
    for (auto const &h : hottest) // of a long run of equal pieces the beginning stands for all
        add_window(h.place.space, h.place.first, std::min(h.place.count, std::uint64_t { 64 } << coarse.shift_));
}

void Heat::add_window(std::uint32_t space, std::uint64_t first, std::uint64_t count)
{
    while (first_window_of_.size() <= space)
        first_window_of_.push_back(windows_.size());
    windows_.push_back({ space, first, count, std::vector<std::int64_t>(((count - 1) >> shift_) + 2) });
}

void Heat::add(Place const &p)
{
    if (p.space >= first_window_of_.size())
        return;
    for (auto i { first_window_of_[p.space] }; i < windows_.size() && windows_[i].space == p.space; ++i) {
        auto &w { windows_[i] };
        auto const begin { std::max(p.first, w.first) }, end { std::min(p.first + p.count, w.first + w.count) };
        if (begin >= end)
            continue;
        ++w.differences[(begin - w.first) >> shift_];
        --w.differences[((end - 1 - w.first) >> shift_) + 1];
    }
}

std::vector<Hot> Heat::hottest(std::size_t most) const
{
    std::vector<Hot> found;
    auto const hotter { [](Hot const &a, Hot const &b) { return a.conversions > b.conversions; } };
    for (auto const &w : windows_) {
        std::int64_t now { 0 };
        for (std::size_t i { 0 }, begin { 0 }; i + 1 < w.differences.size(); ++i) {
            now += w.differences[i];
            if (i + 2 < w.differences.size() && w.differences[i + 1] == 0)
                continue;
            auto const first { std::uint64_t { begin } << shift_ };
            auto const end { std::min((std::uint64_t { i } + 1) << shift_, w.count) };
            begin = i + 1;
            if (now > 0)
                found.push_back({ { w.space, w.first + first, end - first }, static_cast<std::uint64_t>(now) });
        }
        if (found.size() > 4 * most + 4096) {
            std::ranges::stable_sort(found, hotter);
            found.resize(most);
        }
    }
    std::ranges::stable_sort(found, hotter);
    if (found.size() > most)
        found.resize(most);
    return found;
}

} // namespace gmem::cli::picture
