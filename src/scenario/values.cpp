#include "scenario/values.hpp"

#include <algorithm>
#include <charconv>

namespace gmem::scenario {
namespace {

std::optional<std::uint64_t> number_in(std::string_view text)
{
    bool const negative { text.starts_with('-') };
    text.remove_prefix(negative ? 1 : 0);
    bool const hexadecimal { text.starts_with("0x") };
    text.remove_prefix(hexadecimal ? 2 : 0);
    unsigned shift { 0 };
    if (!hexadecimal && !text.empty())
        if (auto const at { std::string_view { "KMG" }.find(text.back()) }; at != std::string_view::npos) {
            shift = 10 * (static_cast<unsigned>(at) + 1);
            text.remove_suffix(1);
        }
    std::uint64_t value { 0 };
    auto const parsed { std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10) };
    if (text.empty() || parsed.ec != std::errc {} || parsed.ptr != text.data() + text.size() || (value << shift) >> shift != value)
        return std::nullopt;
    value <<= shift;
    return negative ? ~value + 1 : value;
}

bool is_keyword(std::string_view text) { return text == "zeros" || text == "noise"; }

} // namespace

std::uint64_t number(Yaml const &y, std::string const &what)
{
    auto const &text { y.scalar(what) };
    auto const value { number_in(text) };
    if (!value)
        y.refuse(fmt::format("'{}' is a number, as 4096, 4K or 0x1000, not '{}'", what, text));
    return *value;
}

bool yes_or_no(Yaml const &y, std::string const &what) { return one_of(y, what, { "no", "yes" }) == 1; }

std::uint64_t named(Yaml const &y, std::string const &what, std::span<Name const> names, bool or_number)
{
    auto const &text { y.scalar(what) };
    if (auto const known { number_of(names, text) })
        return *known;
    if (auto const value { or_number ? number_in(text) : std::nullopt })
        return *value;
    y.refuse(fmt::format("'{}' is {}{}, not '{}'", what, choice(names), or_number ? ", or a number" : "", text));
}

std::size_t one_of(Yaml const &y, std::string const &what, std::initializer_list<std::string_view> words)
{
    auto const &text { y.scalar(what) };
    auto const at { std::find(words.begin(), words.end(), text) };
    if (at == words.end())
        y.refuse(fmt::format("'{}' is {}, not '{}'", what, fmt::join(words, " or "), text));
    return static_cast<std::size_t>(at - words.begin());
}

Place place(Yaml const &y, std::string const &what, Scenario const &of)
{
    auto const &text { y.scalar(what) };
    if (auto const gpa { number_in(text) })
        return Place { {}, *gpa };
    auto const plus { text.find('+') };
    Place p { text.substr(0, plus), 0 };
    if (!of.memory(p.memory))
        y.refuse(fmt::format("'{}' is a place, as NAME, NAME+4K or a guest physical address; there is no memory '{}'", what, p.memory));
    if (plus != std::string::npos) {
        auto const offset { number_in(std::string_view { text }.substr(plus + 1)) };
        if (!offset)
            y.refuse(fmt::format("'{}' in '{}' is no number", text.substr(plus + 1), text));
        p.offset = *offset;
    }
    return p;
}

std::string memory_name(Yaml const &y, std::string const &what, Scenario const &of)
{
    auto const &name { y.scalar(what) };
    if (!of.memory(name))
        y.refuse(fmt::format("there is no memory '{}'", name));
    return name;
}

Side side(Yaml const &y, std::string const &what) { return static_cast<Side>(one_of(y, what, { "shared", "private", "either" })); }

bool to_private(Yaml const &y, std::string const &what) { return one_of(y, what, { "shared", "empty", "private", "ram" }) >= 2; }

std::string fill_text(Yaml const &y, std::string const &what)
{
    auto const &text { y.scalar(what) };
    if (is_keyword(text))
        y.refuse(fmt::format("'{}' cannot be a text: it says what is read", text));
    if (text.size() > 64)
        y.refuse(fmt::format("'{}' has at most 64 characters: it fills the range by being repeated", what));
    return text;
}

std::vector<std::uint32_t> words32(Yaml const &y, std::string const &what)
{
    std::vector<std::uint32_t> words;
    for (auto const &item : y.list(what)) {
        auto const value { number(item, what) };
        if (value > 0xffffffff)
            item.refuse(fmt::format("{:#x} has more than 32 bits", value));
        words.push_back(static_cast<std::uint32_t>(value));
    }
    if (words.size() > 1024)
        y.refuse(fmt::format("'{}' are at most a page", what));
    return words;
}

std::vector<unsigned> nodes(Yaml const &y, std::string const &what)
{
    std::vector<unsigned> numbers;
    for (auto const &item : y.list(what)) {
        if (item.brief() == "all")
            return {};
        auto const value { number(item, what) };
        if (value > 1023)
            item.refuse(fmt::format("there is no node {}", value));
        numbers.push_back(static_cast<unsigned>(value));
    }
    return numbers;
}

Content content(Yaml const &y, std::string const &what)
{
    auto const items { y.list(what) };
    if (items.size() > 1)
        return Content { Content::Kind::words, {}, words32(y, what) };
    auto const &text { items.front().scalar(what) };
    if (is_keyword(text))
        return Content { text == "zeros" ? Content::Kind::zeros : Content::Kind::noise, {}, {} };
    return Content { Content::Kind::text, fill_text(y, what), {} };
}

std::vector<StateChange> state_changes(Yaml const &y, std::string const &what, Scenario const &of)
{
    std::vector<StateChange> changes;
    for (auto const &item : y.list(what)) {
        auto const parts { item.list("an entry of " + what) };
        if (parts.size() < 2 || parts.size() > 3)
            item.refuse("an entry is [PLACE, private] or [PLACE, shared], and perhaps huge");
        StateChange change { place(parts[0], what, of), to_private(parts[1], what), false };
        if (parts.size() == 3)
            change.huge = one_of(parts[2], what, { "huge" }) == 0;
        changes.push_back(change);
    }
    if (changes.size() > 253)
        y.refuse("a list of page state changes has at most 253 entries");
    return changes;
}

} // namespace gmem::scenario
