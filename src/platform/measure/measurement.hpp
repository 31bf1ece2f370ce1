#pragma once
// What the launch measurements have in common: a value of up to 64 bytes, and little-endian fields in structures that are hashed.

#include "crypto/primitives.hpp"

#include <cstddef>
#include <cstdint>

namespace gmem::platform::measure {

struct Measurement final {
    std::byte bytes[crypto::most_digest_bytes] {}; // `size` are in use, the others 0
    std::size_t size { 0 };

    friend bool operator==(Measurement const &, Measurement const &) = default;
};

// `n` bytes of `value` at `at`, little endian.
inline void store(std::byte *at, std::uint64_t value, unsigned n) noexcept
{
    for (unsigned i { 0 }; i < n; ++i)
        at[i] = static_cast<std::byte>(value >> 8 * i);
}

} // namespace gmem::platform::measure
