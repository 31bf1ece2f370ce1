#include "cli/measure_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace gmem::cli {
namespace {

[[noreturn]] void refuse(std::string const &sentence) { throw MeasureRefusal { sentence }; }

} // namespace

MeasureImage::MeasureImage(std::string const &path) : path_ { path }, buffer_(64 * page_size)
{
    errno = 0;
    file_.rdbuf()->pubsetbuf(nullptr, 0); // buffer_ is one
    file_.open(path, std::ios::binary);
    if (!file_)
        refuse(fmt::format("{} cannot be opened: {}", path, std::strerror(errno)));
}

std::byte const *MeasureImage::next()
{
    if (at_ == filled_ && !ended_) {
        errno = 0;
        file_.read(reinterpret_cast<char *>(buffer_.data()), static_cast<std::streamsize>(buffer_.size()));
        auto const got { static_cast<std::size_t>(file_.gcount()) };
        if (file_.bad() || (!file_ && !file_.eof()))
            refuse(fmt::format("{} cannot be read: {}", path_, std::strerror(errno)));
        if (got == 0 && !any_)
            refuse(fmt::format("{} is empty: there is nothing to measure", path_));
        ended_ = got != buffer_.size();
        any_ = true;
        padded_ = (page_size - got % page_size) % page_size;
        at_ = 0;
        filled_ = got + padded_;
        std::fill_n(buffer_.begin() + static_cast<std::ptrdiff_t>(got), padded_, std::byte { 0 });
    }
    if (at_ == filled_)
        return nullptr;
    auto const *const page { buffer_.data() + at_ };
    at_ += page_size;
    return page;
}

std::uint64_t number(std::string_view text, std::string_view whole)
{
    bool const hexadecimal { text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X" };
    auto const digits { hexadecimal ? text.substr(2) : text };
    std::uint64_t value { 0 };
    auto const *const end { digits.data() + digits.size() };
    auto const parsed { std::from_chars(digits.data(), end, value, hexadecimal ? 16 : 10) };
    if (digits.empty() || parsed.ec != std::errc {} || parsed.ptr != end)
        refuse(fmt::format("'{}' in '{}' is no number of 64 bits (decimal, or hexadecimal with 0x)", text, whole));
    return value;
}

std::uint64_t page_address(std::string_view text, std::string_view whole)
{
    auto const value { number(text, whole) };
    if (value % page_size != 0)
        refuse(fmt::format("'{}' in '{}' is no multiple of 4096", text, whole));
    return value;
}

MeasurePlace place(std::string_view text, std::string_view whole)
{
    MeasurePlace p;
    auto const colon { text.find(':') };
    auto const range { text.substr(0, colon) };
    auto const plus { range.find('+') };
    p.gpa = page_address(range.substr(0, plus), whole);
    if (colon != text.npos) {
        p.file = text.substr(colon + 1);
        if (p.file.empty())
            refuse(fmt::format("'{}' names no file after the ':'", whole));
        if (plus != text.npos && plus < colon)
            refuse(fmt::format("'{}' has a size and a file: the file's own size counts", whole));
        return p;
    }
    p.size = plus == range.npos ? page_size : page_address(range.substr(plus + 1), whole);
    if (p.size == 0)
        refuse(fmt::format("'{}' has no pages", whole));
    if (p.gpa + (p.size - 1) < p.gpa)
        refuse(fmt::format("'{}' ends beyond 64 bits", whole));
    return p;
}

void assign(std::string_view whole, std::map<std::string, Assign, std::less<>> const &known)
{
    for (auto rest { whole }; !rest.empty();) {
        auto const comma { rest.find(',') };
        auto const one { rest.substr(0, comma) };
        rest = comma == rest.npos ? std::string_view {} : rest.substr(comma + 1);
        auto const equals { one.find('=') };
        auto const found { known.find(one.substr(0, equals)) };
        if (equals == one.npos || found == known.end()) {
            std::string names;
            for (auto const &[name, value] : known)
                names += (names.empty() ? "" : ", ") + name;
            refuse(fmt::format("'{}' in '{}' is no NAME=NUMBER with one of the names {}", one, whole, names));
        }
        found->second(number(one.substr(equals + 1), whole));
    }
}

} // namespace gmem::cli
