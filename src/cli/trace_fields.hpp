#pragma once
// The fields of an event, in the words of the table of kinds.

#include "observe/event.hpp"

#include <fmt/format.h>
#include <string_view>

namespace gmem::cli {

// Some fields speak of a failure only.
inline bool says_something(observe::Field const &f, observe::Event const &e, std::uint64_t value)
{
    if (f.form == observe::Form::unused || f.form == observe::Form::text)
        return false;
    if (f.name == "why" || f.name == "error_offset")
        return e.result < 0 || e.kind == observe::Kind::injected;
    return f.name != "completes" || value != 0;
}

// Has the event a place in a file, or a length?
inline bool has_place(observe::Event const &e) { return e.file != 0 || e.size != 0 || e.offset != 0; }

// Calls visit(name, form, value) for each field, in the order in which they are told; `field` is the table's, or null for those that every kind may have.
template <typename Visit>
void for_each_field(observe::Event const &e, Visit &&visit)
{
    static constexpr observe::Field file { "file", observe::Form::number }, offset { "offset", observe::Form::hexadecimal }, size { "size", observe::Form::bytes };
    auto const &words { observe::words_of(e.kind) };
    if (e.file != 0)
        visit(file, e.file);
    if (has_place(e)) {
        visit(offset, e.offset);
        visit(size, e.size);
    }
    auto const tell { [&](observe::Field const &f, std::uint64_t value) {
        if (says_something(f, e, value))
            visit(f, value);
    } };
    tell(words.detail, e.detail);
    tell(words.value, e.value);
    for (std::size_t i { 0 }; i < e.more.size(); ++i)
        tell(words.more[i], e.more[i]);
    tell(words.at, e.at);
}

// The word for a number, or empty.
inline std::string_view word_for(observe::Field const &f, std::uint64_t value)
{
    if (f.form == observe::Form::page_attribute)
        return value ? "private" : "shared";
    return f.form == observe::Form::word && value < f.word_count ? f.words[value] : std::string_view {};
}

} // namespace gmem::cli
