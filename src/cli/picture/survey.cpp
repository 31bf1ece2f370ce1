#include "cli/picture/survey.hpp"

#include <algorithm>

namespace gmem::cli::picture {
namespace {

constexpr std::uint64_t longest { std::uint64_t { 1 } << 52 }; // nanoseconds: 52 days, and exact in the page's numbers

// In bytes, as the event has them.
struct Bytes final {
    Space::Of of;
    std::uint64_t id, offset, size;
};

// Of these what has no size is about a token, a launch or the file: byte 0 is not what they mean.
bool is_about_no_byte(observe::Event const &e) noexcept
{
    return e.size == 0 && (e.kind == observe::Kind::unpin || e.kind == observe::Kind::launch || e.kind == observe::Kind::release);
}

std::optional<Bytes> bytes_of(observe::Event const &e) noexcept
{
    if (e.kind == observe::Kind::vm_attributes)
        return Bytes { Space::Of::vm, e.more[3], e.more[0], e.size };
    if (e.file == 0 || e.kind == observe::Kind::module_ || is_about_no_byte(e))
        return std::nullopt;
    return Bytes { Space::Of::file, e.file, e.offset, e.size };
}

bool fits(Bytes const &b) noexcept { return b.offset <= most_pages * page_bytes && b.size <= most_pages * page_bytes - b.offset; }

std::uint64_t last_page(Bytes const &b) noexcept { return (b.offset + std::max<std::uint64_t>(b.size, 1) - 1) / page_bytes; }

} // namespace

bool Survey::is_plausible(observe::Event const &e, observe::LogHeader const &h) noexcept
{
    return e.kind != observe::Kind::nothing && e.time >= h.began_monotonic && e.time - h.began_monotonic < longest && e.duration < longest;
}

Survey Survey::of(TraceFile const &trace)
{
    Survey s;
    s.begin = ~std::uint64_t { 0 };
    s.missing = trace.reader().for_each([&](observe::EventNo, observe::Event const &e) {
        if (!is_plausible(e, trace.reader().header())) {
            ++s.strange;
            return;
        }
        s.note(e);
    });
    s.begin = std::min(s.begin, s.end);
    for (auto &space : s.spaces)
        space.pages = std::max<std::uint64_t>(space.pages, 1);
    return s;
}

void Survey::note(observe::Event const &e)
{
    ++events;
    ++of_kind[static_cast<std::size_t>(e.kind)];
    failed += e.result < 0;
    ordinary += is_conversion(e) && e.result >= 0;
    begin = std::min(begin, e.time);
    end = std::max(end, e.time + e.duration);

    auto const where { bytes_of(e) };
    if (!where)
        return;
    auto const key { std::pair { where->of, where->id } };
    if (!numbers_.contains(key)) {
        if (spaces.size() == most_spaces)
            return;
        numbers_[key] = static_cast<std::uint32_t>(spaces.size());
        spaces.push_back({ where->of, where->id });
    }
    auto &space { spaces[numbers_[key]] };
    // Only what worked says how large the file is: a VMM may ask for anything.
    if (fits(*where) && e.result >= 0)
        space.pages = std::max(space.pages, last_page(*where) + 1);
    if (e.kind == observe::Kind::create && e.result >= 0) {
        space.initial = target(e);
        space.initial_is_known = true;
    }
    if (is_conversion(e) && e.result >= 0 && ++space.conversions == 1 && !space.initial_is_known)
        space.initial = opposite(target(e));
}

std::optional<Place> Survey::place_of(observe::Event const &e) const
{
    auto const where { bytes_of(e) };
    if (!where || !fits(*where))
        return std::nullopt;
    auto const found { numbers_.find({ where->of, where->id }) };
    if (found == numbers_.end())
        return std::nullopt;
    auto const pages { spaces[found->second].pages };
    auto const first { where->offset / page_bytes };
    if (first >= pages)
        return std::nullopt;
    return Place { found->second, first, std::min(last_page(*where) + 1, pages) - first };
}

} // namespace gmem::cli::picture
