#pragma once
// One event: plain data of fixed layout, as it lies in the log. What the fields say for each kind: kinds.hpp.

#include "observe/kinds.hpp"

#include <array>
#include <cstdint>

namespace gmem::observe {

// Index of an event in a log, counted from its beginning and never reused. `none` is no event.
enum class EventNo : std::uint64_t { none = ~std::uint64_t { 0 } };
constexpr std::uint64_t raw(EventNo n) noexcept { return static_cast<std::uint64_t>(n); }

struct Event final {
    std::uint64_t time { 0 };     // nanoseconds, CLOCK_MONOTONIC: when it began
    std::uint64_t duration { 0 }; // nanoseconds; 0 where it is an instant
    std::uint32_t process { 0 }, thread { 0 };
    Kind kind { Kind::nothing };
    std::uint8_t detail { 0 };
    std::uint16_t value { 0 };
    std::int32_t result { 0 };  // 0, a count, or -errno as the program saw it
    std::uint64_t file { 0 };   // inode of the guest_memfd; 0: none
    std::uint64_t offset { 0 }; // bytes in it
    std::uint64_t size { 0 };   // bytes
    std::uint64_t at { 0 };     // bytes
    std::array<std::uint64_t, 6> more {};
    EventNo stack { EventNo::none }; // the event of Kind::stack that says who called
};
static_assert(sizeof(Event) == 120);

// An event that is followed by bytes says in more[1] how many; they lie in the slots after it.
constexpr std::uint64_t bytes_behind(Event const &e) noexcept
{
    auto const form { words_of(e.kind).more[1].form };
    return form == Form::text ? e.more[1] : 0;
}
constexpr std::uint64_t slots_behind(Event const &e) noexcept { return (bytes_behind(e) + sizeof(Event) - 1) / sizeof(Event); }

} // namespace gmem::observe
