#pragma once
// An error is our reason, the caller's errno, and a place. Dropping one is a compile error: the class is [[nodiscard]].

#include "base/units.hpp"

#include <cerrno>
#include <cstdint>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace gmem {

// What WE know. The errno is what the caller is allowed to see.
enum class Why : std::uint8_t {
    bad_argument,     // the request is malformed: EINVAL unless the gate says otherwise
    not_supported,    // the object does not have this operation
    page_in_use,      // somebody else can reach the page: EAGAIN, the caller is expected to retry
    no_memory,        // staging could not get what the commit would need
    platform_refused, // the trusted side vetoed
    os_call_failed,   // a system call of ours failed; err is its errno
    injected,         // a test asked for this failure
};

constexpr int to_errno(Why w) noexcept
{
    switch (w) { // no default: -Wswitch finds the forgotten enumerator
    case Why::bad_argument:     return EINVAL;
    case Why::not_supported:    return EOPNOTSUPP;
    case Why::page_in_use:      return EAGAIN;
    case Why::no_memory:        return ENOMEM;
    case Why::platform_refused: return EIO;
    case Why::os_call_failed:   return EIO;
    case Why::injected:         return ENOMEM;
    }
    __builtin_unreachable();
}

struct [[nodiscard]] Error final {
    Why why;
    int err;                      // errno as user space will see it, always > 0
    std::optional<Bytes> at {};   // first offending byte -> error_offset; empty = "not about a place"
    const char *site { "" };      // string literal that names the step; for logs only

    static constexpr Error of(Why w, const char *site) noexcept { return { w, to_errno(w), {}, site }; }
    static constexpr Error at_page(Why w, PageNo p, const char *site) noexcept { return { w, to_errno(w), p.to_bytes(), site }; }
    static constexpr Error with_errno(int err, const char *site) noexcept { return { Why::bad_argument, err, {}, site }; }

    // `result` is what a raw system call returned: a value in [-4095, -1].
    static constexpr Error os(long result, const char *site) noexcept { return { Why::os_call_failed, static_cast<int>(-result), {}, site }; }
};

struct Ok final {};

// A value or an Error. Trivially destructible for trivial T, so that it may cross code without exceptions.
template <typename T>
class [[nodiscard]] Result final {
public:
    Result(T v) noexcept : ok_ { true }, value_ { std::move(v) } {}
    Result(Error e) noexcept : ok_ { false }, error_ { e } {}
    Result(Result &&o) noexcept : ok_ { o.ok_ }
    {
        if (ok_)
            ::new (&value_) T { std::move(o.value_) };
        else
            ::new (&error_) Error { o.error_ };
    }
    Result(Result const &o) noexcept
        requires std::is_trivially_copyable_v<T>
        : ok_ { o.ok_ }
    {
        if (ok_)
            ::new (&value_) T { o.value_ };
        else
            ::new (&error_) Error { o.error_ };
    }
    Result &operator=(Result &&) = delete;
    ~Result()
    {
        if (ok_)
            value_.~T();
    }

    explicit operator bool() const noexcept { return ok_; }
    T take() && noexcept { return std::move(value_); }
    const T &value() const & noexcept { return value_; }
    const Error &error() const & noexcept { return error_; }

private:
    bool ok_;
    union {
        T value_;
        Error error_;
    };
};

using Status = Result<Ok>;

// auto `decl` = the value of `expr`, or return its error.
#define GMEM_TRY(decl, expr)                \
    auto gmem_result_##decl = (expr);       \
    if (!gmem_result_##decl)                \
        return gmem_result_##decl.error();  \
    auto decl = std::move(gmem_result_##decl).take()

// Return the error of `expr`, if it is one.
#define GMEM_CHECK(expr)                           \
    do {                                           \
        if (auto gmem_status = (expr); !gmem_status) \
            return gmem_status.error();            \
    } while (0)

} // namespace gmem
