#include "observe/log_reader.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace gmem::observe {

Result<LogReader> LogReader::open(std::span<std::byte const> log) noexcept
{
    if (log.size() < slots_at)
        return Error::of(Why::bad_argument, "log.short");
    auto const &h { *reinterpret_cast<LogHeader const *>(log.data()) };
    if (h.magic != LogHeader::expected_magic || h.slot_bytes != sizeof(Slot) || (h.keep != Keep::all && h.keep != Keep::latest) || h.capacity == 0)
        return Error::of(Why::bad_argument, "log.header");
    auto const slots { (log.size() - slots_at) / sizeof(Slot) };
    if (h.keep == Keep::latest && slots < h.capacity)
        return Error::of(Why::bad_argument, "log.capacity");
    return LogReader { h, std::min(slots, h.capacity) };
}

EventNo LogReader::last() const noexcept
{
    auto const head { header_->head.load(std::memory_order_acquire) };
    if (header_->keep == Keep::latest)
        return EventNo { head };
    return EventNo { std::min({ head, header_->limit.load(std::memory_order_acquire), slots_ }) };
}

EventNo LogReader::first() const noexcept
{
    if (header_->keep == Keep::all)
        return EventNo { 0 };
    auto const head { raw(last()) };
    return EventNo { head > header_->capacity ? head - header_->capacity : 0 };
}

Slot const &LogReader::slot(std::uint64_t n) const noexcept
{
    return reinterpret_cast<Slot const *>(reinterpret_cast<std::byte const *>(header_) + slots_at)[n % header_->capacity];
}

std::optional<Event> LogReader::read(std::uint64_t n, Content c) const noexcept
{
    if (!has(n, c))
        return std::nullopt;
    Slot::Words words;
    for (std::size_t i { 0 }; i < words.size(); ++i)
        words[i] = slot(n).words[i].load(std::memory_order_acquire);
    if (!has(n, c))
        return std::nullopt; // it was overwritten meanwhile
    return std::bit_cast<Event>(words);
}

std::optional<Event> LogReader::at(EventNo n) const noexcept { return read(raw(n), Content::event); }

bool LogReader::bytes_behind(EventNo n, Event const &e, std::span<std::byte> to) const noexcept
{
    auto const wanted { std::min<std::uint64_t>(to.size(), observe::bytes_behind(e)) };
    for (std::uint64_t done { 0 }, next { raw(n) + 1 }; done < wanted; done += sizeof(Event), ++next) {
        auto const piece { next < raw(last()) ? read(next, Content::bytes) : std::nullopt };
        if (!piece)
            return false;
        std::memcpy(to.data() + done, &*piece, std::min<std::uint64_t>(sizeof(Event), wanted - done));
    }
    return true;
}

} // namespace gmem::observe
