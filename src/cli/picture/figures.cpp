#include "cli/picture/figures.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gmem::cli::picture {
namespace {

std::size_t size_class(std::uint64_t pages) noexcept { return pages == 1 ? 0 : pages <= 16 ? 1 : pages <= 512 ? 2 : 3; }

} // namespace

std::size_t Durations::class_of(std::uint64_t nanoseconds) noexcept
{
    auto const n { std::max<std::uint64_t>(nanoseconds, 1) };
    auto const octave { static_cast<std::size_t>(std::bit_width(n)) - 1 };
    auto const quarter { octave < 2 ? (n << 2 >> octave) & 3 : (n >> (octave - 2)) & 3 };
    return std::min(4 * octave + quarter, classes - 1);
}

std::uint64_t Durations::end_of(std::size_t class_) noexcept { return ((class_ % 4 + 5) << (class_ / 4)) / 4; }

void Durations::add(std::uint64_t nanoseconds)
{
    ++counts_[class_of(nanoseconds)];
    ++total_;
    longest_ = std::max(longest_, nanoseconds);
}

std::uint64_t Durations::quantile(double share) const
{
    auto left { static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_))) };
    for (std::size_t i { 0 }; i < classes; ++i) {
        if (counts_[i] >= left)
            return std::min(end_of(i), longest_);
        left -= counts_[i];
    }
    return longest_;
}

Figures::Figures(Survey const &survey) : survey_ { survey }
{
    for (auto const &s : survey.spaces) {
        states_.emplace_back(s.pages, s.initial);
        private_pages_ += states_.back().private_pages();
    }
    most_private_ = private_pages_;
}

void Figures::add(observe::Event const &e, Place const *p)
{
    auto const at { static_cast<std::size_t>((e.time + e.duration - survey_.begin) / ((survey_.end - survey_.begin) / moments + 1)) };
    for (; moment_ < at; ++moment_)
        over_time_[moment_].private_pages = private_pages_;
    if (e.result < 0) {
        auto &f { failures_[{ e.kind, -e.result }] };
        if (f.count++ == 0) {
            f.first_time = e.time - survey_.begin;
            if (p)
                f.first_place = *p;
        }
        f.last_time = e.time - survey_.begin;
        over_time_[at].failed += is_conversion(e);
    } else if (is_conversion(e)) {
        ++(e.detail ? over_time_[at].to_private : over_time_[at].to_shared);
        if (p)
            durations_[e.detail ? 1 : 0][size_class(p->count)].add(e.duration);
    }
    if (p && changes_state(e)) {
        auto &states { states_[p->space] };
        auto const before { states.private_pages() };
        states.set(p->first, p->count, target(e));
        private_pages_ += states.private_pages() - before;
        most_private_ = std::max(most_private_, private_pages_);
    }
    if (e.kind == observe::Kind::pin && e.result >= 0)
        add_pin(e, p);
    else if (e.kind == observe::Kind::unpin && e.result >= 0)
        end_pins(e, p);
}

void Figures::add_pin(observe::Event const &e, Place const *p)
{
    if (pins_.size() == most_pins) {
        ++pins_not_kept_;
        return;
    }
    open_pins_[{ e.file, e.more[0], e.detail }].push_back(pins_.size());
    pins_.push_back({ e.time - survey_.begin, 0, p ? std::optional { *p } : std::nullopt, e.detail, e.more[0], e.process });
}

// An unpin of no size is of whatever was pinned with that kind and token.
void Figures::end_pins(observe::Event const &e, Place const *p)
{
    auto const open { open_pins_.find({ e.file, e.more[0], e.detail }) };
    if (open == open_pins_.end())
        return;
    std::erase_if(open->second, [&](std::size_t i) {
        auto &pin { pins_[i] };
        bool const is_meant { e.size == 0 || (p && pin.place && pin.place->first == p->first && pin.place->count == p->count) };
        if (is_meant)
            pin.until = std::max<std::uint64_t>(e.time - survey_.begin, 1);
        return is_meant;
    });
    if (open->second.empty())
        open_pins_.erase(open);
}

void Figures::finish()
{
    for (; moment_ < moments; ++moment_)
        over_time_[moment_].private_pages = private_pages_;
}

} // namespace gmem::cli::picture
