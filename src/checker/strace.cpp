// The form of strace's lines: "[pid 12] ioctl(3, 0xae01, 0x1) = 4", with times or without, in one piece or in two.

#include "checker/syscalls.hpp"
#include "checker/words.hpp"

namespace gmem::checker {
namespace {

constexpr std::string_view cut { "<unfinished ...>" }, resumed { " resumed>" };

// The arguments, split where a comma separates them and not what is in them.
std::vector<std::string_view> split(std::string_view text)
{
    std::vector<std::string_view> parts;
    int depth { 0 };
    bool quoted { false };
    std::size_t begin { 0 };
    auto const take { [&](std::size_t end) {
        auto part { text.substr(begin, end - begin) };
        part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
        parts.push_back(part);
        begin = end + 1;
    } };
    for (std::size_t i { 0 }; i < text.size(); ++i) {
        char const c { text[i] };
        if (c == '"')
            quoted = !quoted;
        if (quoted)
            continue;
        depth += (c == '{' || c == '[' || c == '(') - (c == '}' || c == ']' || c == ')');
        if (c == ',' && depth == 0)
            take(i);
    }
    if (begin < text.size())
        take(text.size());
    return parts;
}

// "[pid 12]", "12", and a time in any of strace's forms; what is left begins with the call.
std::uint32_t take_prefix(std::string_view &line)
{
    std::uint32_t thread { 0 };
    for (;;) {
        auto rest { line };
        auto word { next_word(rest) };
        if (word == "[pid") {
            word = next_word(rest);
            if (word.ends_with(']'))
                word.remove_suffix(1);
        } else if (word.empty() || word.find_first_not_of("0123456789.:") != std::string_view::npos) {
            line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
            return thread;
        }
        if (word.find_first_not_of("0123456789") == std::string_view::npos && thread == 0)
            thread = static_cast<std::uint32_t>(number_of(word).value_or(0));
        line = rest;
    }
}

bool is_name(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

} // namespace

bool Syscalls::parse(std::string_view line, Call &c)
{
    auto const open { line.find('(') };
    auto const equals { line.rfind(" = ") };
    if (open == std::string_view::npos || equals == std::string_view::npos || equals < open || !is_name(line.substr(0, open)))
        return false;
    auto const close { line.rfind(')', equals) };
    if (close == std::string_view::npos || close < open)
        return false;
    c.name = line.substr(0, open);
    c.arguments = split(line.substr(open + 1, close - open - 1));
    auto result { line.substr(equals + 3) };
    auto const value { next_word(result) };
    auto const error { next_word(result) };
    if (value == "-1") {
        auto const err { result_of(error) };
        c.result = err.value_or(-1);
        return err.has_value();
    }
    auto const n { number_of(value.substr(0, value.find('<'))) };
    c.result = static_cast<std::int64_t>(n.value_or(0));
    return n.has_value() || value == "?";
}

bool Syscalls::strace_line(std::string_view line, std::uint64_t number)
{
    auto const thread { take_prefix(line) };
    if (line.starts_with("---")) {
        signal(thread, line, number);
        return true;
    }
    if (line.starts_with("+++") || line.starts_with("strace:"))
        return true;
    if (line.ends_with(cut)) {
        line.remove_suffix(cut.size());
        unfinished_[thread] = { number, std::string { line } };
        return true;
    }
    Call c { .thread = thread, .began = number, .line = number, .name = {}, .arguments = {} };
    std::string whole;
    if (line.starts_with("<... ")) {
        auto const behind { line.find(resumed) };
        auto const before { unfinished_.find(thread) };
        if (behind == std::string_view::npos)
            return false;
        if (before == unfinished_.end())
            return true; // it began before the trace
        c.began = before->second.line;
        whole = before->second.text + std::string { line.substr(behind + resumed.size()) };
        unfinished_.erase(before);
        line = whole;
    }
    if (!parse(line, c))
        return false;
    call(c);
    return true;
}

} // namespace gmem::checker
