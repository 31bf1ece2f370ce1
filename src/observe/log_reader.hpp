#pragma once
// Reads a log that others may be writing to. Trusts nothing in it: a trace may come from anywhere.

#include "base/result.hpp"
#include "observe/log_layout.hpp"

#include <cstddef>
#include <optional>
#include <span>

namespace gmem::observe {

class LogReader final {
public:
    // `log`: the file's bytes, which stay where they are. EINVAL: not a log, or of another version.
    static Result<LogReader> open(std::span<std::byte const> log) noexcept;

    LogHeader const &header() const noexcept { return *header_; }

    // Events are [first(), last()); both only grow.
    EventNo first() const noexcept;
    EventNo last() const noexcept;

    // nullopt: not there any more, or not yet, or never (its writer was killed), or bytes that belong to an event.
    std::optional<Event> at(EventNo n) const noexcept;

    // Is there nothing to wait for: bytes that belong to an event, or one that was taken back?
    bool holds_no_event(EventNo n) const noexcept { return has(raw(n), Content::bytes); }

    // Copies what lies behind event n, which is `e`. False: a part of it is not there.
    bool bytes_behind(EventNo n, Event const &e, std::span<std::byte> to) const noexcept;

    // Calls visit(EventNo, Event const &) for each event that is there, in order; returns how many were not (L2).
    template <typename Visit>
    std::uint64_t for_each(Visit &&visit) const
    {
        std::uint64_t missing { 0 };
        auto const end { raw(last()) };
        for (auto n { raw(first()) }; n < end;) {
            auto const e { at(EventNo { n }) };
            if (e && static_cast<std::size_t>(e->kind) < kinds)
                visit(EventNo { n }, *e);
            else if (!has(n, Content::bytes))
                ++missing;
            ++n;
        }
        return missing;
    }

private:
    explicit LogReader(LogHeader const &h, std::uint64_t slots) noexcept : header_ { &h }, slots_ { slots } {}
    bool has(std::uint64_t n, Content c) const noexcept { return slot(n).state.load(std::memory_order_acquire) == state_of(n, c); }
    std::optional<Event> read(std::uint64_t n, Content c) const noexcept;
    Slot const &slot(std::uint64_t n) const noexcept;

    LogHeader const *header_;
    std::uint64_t slots_; // in the file
};

} // namespace gmem::observe
