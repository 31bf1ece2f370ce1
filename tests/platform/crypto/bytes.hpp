#pragma once
// Vectors as they are printed in standards.

#include "crypto/openssl/openssl.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gmem::crypto {

using Buffer = std::vector<std::byte>;

inline Buffer from_hex(std::string_view text)
{
    Buffer b;
    for (std::size_t i { 0 }; i + 1 < text.size(); i += 2)
        b.push_back(static_cast<std::byte>(std::stoi(std::string { text.substr(i, 2) }, nullptr, 16)));
    return b;
}

inline std::string to_hex(std::byte const *b, std::size_t size)
{
    constexpr char digits[] { "0123456789abcdef" };
    std::string text;
    for (std::size_t i { 0 }; i < size; ++i)
        (text += digits[std::to_integer<unsigned>(b[i]) >> 4]) += digits[std::to_integer<unsigned>(b[i]) & 15];
    return text;
}

inline std::byte const *bytes_of(std::string_view s) { return reinterpret_cast<std::byte const *>(s.data()); }

} // namespace gmem::crypto
