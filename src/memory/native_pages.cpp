#include "memory/native_pages.hpp"

#include "os/mapping_calls.hpp"

#include <new>

namespace gmem::memory {

constinit std::uint64_t NativePages::all_runs_ { 0 };

Result<NativePages *> NativePages::create(PageNo first, std::uint64_t pages) noexcept
{
    // The object stands in the page before its bits: one mapping, not reserved, so an unfragmented window costs two pages.
    auto const bytes { page_size + PageBits::layout(PageNo { pages }).total_bytes };
    GMEM_TRY(memory, os::map_anonymous(bytes, MAP_PRIVATE));
    auto *const native { ::new (reinterpret_cast<void *>(memory)) NativePages };
    native->first_ = first;
    native->pages_ = pages;
    native->bytes_ = bytes;
    native->base_ = reinterpret_cast<std::byte *>(memory) + page_size;
    return native;
}

void NativePages::release() noexcept
{
    if (--references_ != 0)
        return;
    all_runs_ -= runs_;
    auto const begin { reinterpret_cast<std::uintptr_t>(this) };
    os::unmap({ begin, begin + bytes_ });
}

std::optional<PageRange> NativePages::next_run(PageRange r, bool native) noexcept
{
    settle();
    auto const run { bits().next_run(own(r.first()), own(r.last()), native) };
    if (!run)
        return std::nullopt;
    return PageRange::make(first_.plus(run->first().index()), first_.plus(run->last().index()));
}

// Edges (clear-to-set and set-to-clear) in r and at its two ends; twice the number of runs that they bound.
std::uint64_t NativePages::edges_around(PageRange r) const noexcept
{
    auto const mine { own(r) };
    bool before { mine.first().index() > 0 && bits().test(PageNo { mine.first().index() - 1 }) };
    std::uint64_t edges { 0 };
    for (auto at { mine.first() }; at < mine.last();) {
        bool const here { bits().test(at) };
        edges += here != before;
        before = here;
        auto const run { bits().next_run(at, mine.last(), here) };
        at = run->last();
    }
    bool const after { mine.last().index() < pages_ && bits().test(mine.last()) };
    return edges + (after != before);
}

void NativePages::set(PageRange r, bool native) noexcept
{
    settle();
    set_settled(r, native);
}

void NativePages::apply_what_the_agent_did() noexcept
{
    auto const done { closed_by_agent };
    closed_by_agent = {};
    for (unsigned i { 0 }; i < done.count; ++i)
        set_settled(*PageRange::make(PageNo { done.first[i] }, PageNo { done.last[i] }), false);
}

void NativePages::set_settled(PageRange r, bool native) noexcept
{
    auto const before { edges_around(r) };
    auto const always { [](std::size_t, std::size_t) noexcept { return true; } };
    bits().stage(own(r), always);
    bits().set(own(r), native);
    auto const change { static_cast<std::int64_t>(edges_around(r)) - static_cast<std::int64_t>(before) };
    runs_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(runs_) + change / 2);
    all_runs_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(all_runs_) + change / 2);
}

} // namespace gmem::memory
