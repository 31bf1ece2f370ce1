#pragma once
// Text for places where neither stdio nor the heap may be used: signal handlers, the preload library, dump().

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gmem {

// Appends to a buffer of the caller's. Never allocates; what does not fit is cut, and truncated() says so.
class Text final {
public:
    Text(char *buffer, std::size_t size) noexcept : buffer_ { buffer }, size_ { size } { terminate(); }

    template <std::size_t n>
    explicit Text(char (&buffer)[n]) noexcept : Text { buffer, n } {}

    Text &operator<<(std::string_view s) noexcept
    {
        for (char c : s)
            put(c);
        terminate();
        return *this;
    }
    Text &operator<<(std::uint64_t n) noexcept { return number(n, 10); }
    Text &operator<<(int n) noexcept
    {
        if (n < 0)
            put('-');
        return number(static_cast<std::uint64_t>(n < 0 ? -static_cast<long>(n) : n), 10);
    }
    Text &hex(std::uint64_t n) noexcept { return *this << "0x", number(n, 16); }

    std::string_view view() const noexcept { return { buffer_, used_ }; }
    bool truncated() const noexcept { return truncated_; }

private:
    Text &number(std::uint64_t n, int base) noexcept
    {
        char digits[24];
        auto const end { std::to_chars(digits, digits + sizeof digits, n, base).ptr };
        return *this << std::string_view { digits, static_cast<std::size_t>(end - digits) };
    }
    void put(char c) noexcept
    {
        if (used_ + 1 < size_)
            buffer_[used_++] = c;
        else
            truncated_ = true;
    }
    void terminate() noexcept
    {
        if (size_)
            buffer_[used_] = '\0';
    }

    char *buffer_;
    std::size_t size_;
    std::size_t used_ { 0 };
    bool truncated_ { false };
};

} // namespace gmem
