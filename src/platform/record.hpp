#pragma once
// What a platform knows of one page: 16 bytes that only its own folder can read. All zero: a page that the trusted side has never heard
// of, which is the host's.

#include <cstdint>

namespace gmem::platform {

struct Record final {
    std::uint64_t first, second;

    friend constexpr bool operator==(Record, Record) = default;
};
static_assert(sizeof(Record) == 16); // the budget: design.md asks for at most 16 bytes a page

// A record as the type that a platform gives it, and back. T is trivially copyable, has at most 16 bytes, and its zero bytes mean "never heard of".
template <typename T>
T record_as(Record const &r) noexcept
{
    static_assert(sizeof(T) <= sizeof(Record) && __is_trivially_copyable(T));
    T value;
    __builtin_memcpy(static_cast<void *>(&value), &r, sizeof value); // T may have initial values
    return value;
}
template <typename T>
void store_record(Record &r, T const &value) noexcept
{
    static_assert(sizeof(T) <= sizeof(Record) && __is_trivially_copyable(T));
    r = {};
    __builtin_memcpy(&r, &value, sizeof value);
}

} // namespace gmem::platform
