#include "checker/slice.hpp"

#include <algorithm>
#include <set>

namespace gmem::checker {
namespace {

struct Hold final {
    Pages pages;
    PinTimeline::Held held;
};

} // namespace

Slice::Slice(World &w, Moment const &m, Pages pages, std::uint64_t singled_out)
{
    auto const [first, last] { pages };
    PageMap now;
    w.file(m.event().file).pages.for_each(first, last, [&](std::uint64_t from, std::uint64_t to, Known k) { now.set(from, to, k); });
    // What somebody else changed at the same time may have been so or so.
    for (auto const *o : m.at_once.others)
        if (auto const there { pages_of(o->step->event) }; disturbed({ { o }, false }, first, last))
            now.set(o->step->arguments_known ? std::max(first, there.first) : first, o->step->arguments_known ? std::min(last, there.last) : last, Known::unknown);
    if (m.at_once.too_many)
        now.set(first, last, Known::unknown);

    std::vector<Hold> holds;
    w.pins.for_each(m.event().file, m.now.span, [&](std::uint64_t from, std::uint64_t to, PinTimeline::Held held) {
        if (from < last && first < to)
            holds.push_back({ { std::max(first, from), std::min(last, to) }, held });
    });
    std::set<std::uint64_t> cuts { first, last };
    now.for_each(first, last, [&](std::uint64_t from, std::uint64_t, Known) { cuts.insert(from); });
    for (auto const &h : holds)
        cuts.insert({ h.pages.first, h.pages.last });
    bool const has_single { first <= singled_out && singled_out < last };
    if (has_single)
        cuts.insert({ singled_out, singled_out + 1 });
    for (auto cut { cuts.begin() }; std::next(cut) != cuts.end(); ++cut)
        pieces_.push_back({ *cut, *std::next(cut), now.at(*cut), false, false, has_single && *cut == singled_out });
    for (auto const &h : holds) {
        auto piece { std::lower_bound(pieces_.begin(), pieces_.end(), h.pages.first, [](Piece const &p, std::uint64_t page) { return p.first < page; }) };
        for (; piece != pieces_.end() && piece->first < h.pages.last; ++piece)
            (h.held == PinTimeline::Held::surely ? piece->surely : piece->perhaps) = true;
    }
}

spec::File Slice::file(spec::VmRules vm, Assume a) const
{
    spec::File f { vm, true, {} };
    for (auto const &p : pieces_) {
        auto const state { p.state == Known::unknown ? a.unknown_pages : p.state == Known::private_ ? spec::PageState::private_ : spec::PageState::shared };
        bool const held { p.surely || (p.singled_out && p.perhaps && a.pinned_perhaps) };
        f.pages.push_back({ state, 0, static_cast<std::uint16_t>(held), false });
    }
    return f;
}

bool Slice::has_unknown() const
{
    return std::any_of(pieces_.begin(), pieces_.end(), [](Piece const &p) { return p.state == Known::unknown; });
}

bool Slice::has_perhaps() const
{
    return std::any_of(pieces_.begin(), pieces_.end(), [](Piece const &p) { return p.singled_out && p.perhaps && !p.surely; });
}

std::uint64_t Slice::to_slice(std::uint64_t offset) const
{
    auto const page { offset / page_size };
    auto const piece { std::lower_bound(pieces_.begin(), pieces_.end(), page, [](Piece const &p, std::uint64_t wanted) { return p.last <= wanted; }) };
    if (piece == pieces_.end() || page < piece->first)
        return size() + offset % page_size; // outside stays outside
    return static_cast<std::uint64_t>(piece - pieces_.begin()) * page_size + offset % page_size;
}

} // namespace gmem::checker
