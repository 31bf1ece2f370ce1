#include "checker/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace gmem::checker {
namespace {

constexpr std::array<std::string_view, 6> profiles { "mainline", "v8", "may1", "rfc-v5", "rfc-v4", "feb" };

constexpr std::array<std::string_view, 3> orders { "lines", "clocks", "effects" };

std::optional<bool> switch_of(std::string_view value)
{
    if (value == "on" || value == "off")
        return value == "on";
    return std::nullopt;
}

} // namespace

std::optional<spec::Profile> profile_of(std::string_view name)
{
    for (std::size_t i { 0 }; i < profiles.size(); ++i)
        if (profiles[i] == name)
            return static_cast<spec::Profile>(i);
    return std::nullopt;
}

std::string_view name_of(Order o) { return orders[static_cast<std::size_t>(o)]; }

std::string_view name_of(spec::Profile p) { return profiles[static_cast<std::size_t>(p)]; }

Facts facts_of(std::string_view settings)
{
    Facts f;
    f.in_place = true; // as gmem is when nobody asks for anything else
    while (!settings.empty()) {
        auto const word { next_word(settings) };
        auto const is { word.find('=') };
        if (is == std::string_view::npos)
            continue;
        auto const name { word.substr(0, is) }, value { word.substr(is + 1) };
        if (name == "GMEM_UAPI")
            f.profile = profile_of(value).value_or(f.profile);
        else if (name == "GMEM_IN_PLACE")
            f.in_place = switch_of(value);
        else if (name == "GMEM_VM_ATTRIBUTES")
            f.vm_attributes = switch_of(value);
    }
    return f;
}

bool add_fact(Facts &f, std::string_view name, std::string_view value)
{
    if (name == "from" && (value == "beginning" || value == "middle"))
        f.from_beginning = value == "beginning";
    else if (auto const order { std::find(orders.begin(), orders.end(), value) }; name == "order" && order != orders.end())
        f.order = static_cast<Order>(order - orders.begin());
    else if (name == "pins" && (value == "all" || value == "some"))
        f.all_pins = value == "all";
    else if (name == "effects" && (value == "all" || value == "some"))
        f.all_effects = value == "all";
    else if (auto const p { profile_of(value) }; name == "uapi" && p)
        f.profile = *p;
    else if (auto const on { switch_of(value) }; name == "in_place" && on)
        f.in_place = on;
    else if (name == "vm_attributes" && on)
        f.vm_attributes = on;
    else
        return name == "missing" && number_of(value);
    return true;
}

std::optional<std::uint64_t> number_of(std::string_view text)
{
    bool const negative { text.starts_with('-') };
    if (negative)
        text.remove_prefix(1);
    int base { 10 };
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
        base = 16;
    }
    std::uint64_t n { 0 };
    auto const [end, failed] { std::from_chars(text.data(), text.data() + text.size(), n, base) };
    if (failed != std::errc {} || end != text.data() + text.size())
        return std::nullopt;
    return negative ? 0 - n : n;
}

std::optional<std::int32_t> result_of(std::string_view text)
{
    constexpr int most_errno { 4095 };
    if (auto const n { number_of(text) }) {
        auto const value { static_cast<std::int64_t>(*n) };
        if (value < -most_errno)
            return std::nullopt;
        return static_cast<std::int32_t>(std::min<std::int64_t>(value, std::numeric_limits<std::int32_t>::max())); // an address that mmap gave
    }
    for (int e { 1 }; e <= 133; ++e)
        if (auto const *const name { strerrorname_np(e) }; name && text == name)
            return -e;
    return std::nullopt;
}

std::string_view next_word(std::string_view &rest)
{
    constexpr std::string_view spaces { " \t\r" };
    rest.remove_prefix(std::min(rest.find_first_not_of(spaces), rest.size()));
    bool quoted { false };
    std::size_t end { 0 };
    for (; end < rest.size() && (quoted || spaces.find(rest[end]) == std::string_view::npos); ++end)
        if (rest[end] == '"')
            quoted = !quoted;
    auto const word { rest.substr(0, end) };
    rest.remove_prefix(end);
    return word;
}

} // namespace gmem::checker
