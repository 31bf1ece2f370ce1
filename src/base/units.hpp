#pragma once
// Bytes, page numbers and page ranges are different types: mixing them up does not compile.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace gmem {

inline constexpr unsigned page_bits { 12 };
inline constexpr std::uint64_t page_size { std::uint64_t { 1 } << page_bits };

// Offset or length in bytes. Never added to a page number.
enum class Bytes : std::uint64_t {};

constexpr std::uint64_t raw(Bytes b) noexcept { return static_cast<std::uint64_t>(b); }

// Index of a page inside ONE guest_memfd.
class PageNo final {
public:
    constexpr explicit PageNo(std::uint64_t n) noexcept : n_ { n } {}

    // The page that holds byte `b`.
    static constexpr PageNo holding(Bytes b) noexcept { return PageNo { raw(b) >> page_bits }; }

    constexpr std::uint64_t index() const noexcept { return n_; }
    constexpr Bytes to_bytes() const noexcept { return Bytes { n_ << page_bits }; }
    constexpr PageNo plus(std::uint64_t pages) const noexcept { return PageNo { n_ + pages }; }

    friend constexpr auto operator<=>(PageNo, PageNo) = default;

private:
    std::uint64_t n_;
};

// Half-open [first, last). Never empty, never wraps: a PageRange that exists is a range you may use.
class PageRange final {
public:
    static constexpr std::optional<PageRange> make(PageNo first, PageNo last) noexcept
    {
        if (!(first < last))
            return std::nullopt;
        return PageRange { first, last };
    }
    static constexpr PageRange one(PageNo p) noexcept { return PageRange { p, p.plus(1) }; }

    constexpr PageNo first() const noexcept { return first_; }
    constexpr PageNo last() const noexcept { return last_; }
    constexpr std::uint64_t pages() const noexcept { return last_.index() - first_.index(); }
    constexpr Bytes offset() const noexcept { return first_.to_bytes(); }
    constexpr Bytes length() const noexcept { return Bytes { pages() << page_bits }; }

    constexpr bool contains(PageNo p) const noexcept { return first_ <= p && p < last_; }

    // The common part; nullopt when there is none.
    constexpr std::optional<PageRange> intersect(PageRange o) const noexcept
    {
        return make(first_ < o.first_ ? o.first_ : first_, last_ < o.last_ ? last_ : o.last_);
    }

    friend constexpr bool operator==(PageRange, PageRange) = default;

private:
    constexpr PageRange(PageNo f, PageNo l) noexcept : first_ { f }, last_ { l } {}

    PageNo first_, last_;
};

// Sanity checks
static_assert(!PageRange::make(PageNo { 4 }, PageNo { 4 }));
static_assert(PageRange::make(PageNo { 4 }, PageNo { 6 })->pages() == 2);
static_assert(PageNo::holding(Bytes { 8191 }) == PageNo { 1 });
static_assert(!PageRange::one(PageNo { 3 }).intersect(PageRange::one(PageNo { 4 })));

} // namespace gmem
