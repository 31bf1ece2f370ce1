#pragma once
// Numbers in few bytes: seven bits a byte, the lowest first, the top bit says that more follow. The page gets them as base64; page/data.js reads them.

#include <cstdint>
#include <string>
#include <string_view>

namespace gmem::cli::picture {

std::string base64(std::string_view bytes);

class Packed final {
public:
    void number(std::uint64_t n)
    {
        for (; n >= 0x80; n >>= 7)
            bytes_ += static_cast<char>(n | 0x80);
        bytes_ += static_cast<char>(n);
    }
    // Small where it is near zero, on either side.
    void signed_number(std::int64_t n) { number((static_cast<std::uint64_t>(n) << 1) ^ static_cast<std::uint64_t>(n >> 63)); }

    std::string as_base64() const { return base64(bytes_); }
    std::string const &bytes() const noexcept { return bytes_; }

private:
    std::string bytes_;
};

// What was last is written as the difference to what was before.
class Difference final {
public:
    void write(Packed &to, std::uint64_t n)
    {
        to.signed_number(static_cast<std::int64_t>(n - last_));
        last_ = n;
    }

private:
    std::uint64_t last_ { 0 };
};

} // namespace gmem::cli::picture
