#include "checker/text.hpp"

#include "checker/ftrace.hpp"
#include "checker/read.hpp"
#include "checker/syscalls.hpp"
#include "checker/words.hpp"
#include "spec/file_operations.hpp"

#include <fmt/format.h>
#include <limits>

namespace gmem::checker {
namespace {

using observe::Event;
using observe::Field;
using observe::Form;

constexpr std::uint64_t private_attribute { 8 };

std::string unquoted(std::string_view text)
{
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
    std::string out;
    while (!text.empty()) {
        if (text.starts_with("\\x") && text.size() >= 4)
            if (auto const n { number_of("0x" + std::string { text.substr(2, 2) }) }) {
                out += static_cast<char>(*n);
                text.remove_prefix(4);
                continue;
            }
        out += text.front();
        text.remove_prefix(1);
    }
    return out;
}

template <typename T>
bool store(T &to, std::optional<std::uint64_t> value)
{
    if (!value || *value > std::numeric_limits<T>::max())
        return false;
    to = static_cast<T>(*value);
    return true;
}

std::optional<std::uint64_t> value_of(Field const &f, std::string_view text)
{
    if (f.form == Form::page_attribute && (text == "private" || text == "shared"))
        return text == "private";
    for (std::size_t i { 0 }; i < f.word_count; ++i)
        if (f.words[i] == text)
            return i;
    return number_of(text);
}

// The fields that only this kind has.
bool store_own(Event &e, std::string_view name, std::string_view text)
{
    auto const &words { observe::words_of(e.kind) };
    auto const is { [name](Field const &f) { return f.form != Form::unused && f.form != Form::text && f.name == name; } };
    if (is(words.detail))
        return store(e.detail, value_of(words.detail, text));
    if (is(words.value))
        return store(e.value, value_of(words.value, text));
    if (is(words.at))
        return store(e.at, value_of(words.at, text));
    for (std::size_t i { 0 }; i < words.more.size(); ++i)
        if (is(words.more[i]))
            return store(e.more[i], value_of(words.more[i], text));
    return false;
}

bool store_any(Step &s, std::string_view name, std::string_view text)
{
    auto &e { s.event };
    if (name == "event")
        return store(s.number, number_of(text));
    if (name == "time")
        return store(e.time, number_of(text));
    if (name == "duration")
        return store(e.duration, number_of(text));
    if (name == "process")
        return store(e.process, number_of(text));
    if (name == "thread")
        return store(e.thread, number_of(text));
    if (name == "file")
        return store(e.file, number_of(text));
    if (name == "offset")
        return store(e.offset, number_of(text));
    if (name == "size")
        return store(e.size, number_of(text));
    if (name == "arguments") {
        s.arguments_known = text != "unknown";
        return text == "unknown" || text == "known";
    }
    if (name == "name") {
        s.name = unquoted(text);
        return true;
    }
    if (name == "result" || name == "ret") {
        auto const r { result_of(text) };
        e.result = r.value_or(0);
        return r.has_value();
    }
    return store_own(e, name, text);
}

} // namespace

std::optional<observe::Kind> kind_named(std::string_view name)
{
    for (auto const &k : observe::kind_table)
        if (k.name == name && k.kind != observe::Kind::nothing)
            return k.kind;
    return std::nullopt;
}

Step step_from_text(std::string_view line, std::uint64_t line_number)
{
    auto const kind { next_word(line) };
    Step s { .event = {}, .number = 0, .line = line_number };
    auto const known { kind_named(kind) };
    if (!known)
        throw Unusable { fmt::format("there is no kind of event \"{}\"", kind), line_number };
    s.event.kind = *known;
    for (auto word { next_word(line) }; !word.empty(); word = next_word(line)) {
        auto const is { word.find('=') };
        if (is == std::string_view::npos || !store_any(s, word.substr(0, is), word.substr(is + 1)))
            throw Unusable { fmt::format("\"{}\" is nothing that {} has", word, kind), line_number };
    }
    if (s.event.kind == observe::Kind::convert && (s.event.more[4] & private_attribute))
        s.event.detail = 1; // who writes the attributes need not say it twice
    if (s.event.kind == observe::Kind::punch && s.event.more[0] != 0 && !(s.event.more[0] & spec::punch_hole))
        s.event.kind = observe::Kind::allocate; // who sees fallocate gives it one name
    if (s.event.kind == observe::Kind::allocate && (s.event.more[0] & spec::punch_hole))
        s.event.kind = observe::Kind::punch;
    if (s.event.thread == 0)
        s.event.thread = s.event.process;
    return s;
}

Trace read_text(std::string_view text)
{
    Trace t;
    Syscalls syscalls { t };
    bool has_numbers { false }, has_times { false }, says_order { false };
    for (std::uint64_t number { 1 }; !text.empty(); ++number) {
        auto const end { std::min(text.find('\n'), text.size()) };
        auto line { text.substr(0, end) };
        text.remove_prefix(std::min(end + 1, text.size()));
        auto rest { line };
        auto const first { next_word(rest) };
        if (first.empty() || first.starts_with('#'))
            continue;
        if (first == "trace") {
            for (auto word { next_word(rest) }; !word.empty(); word = next_word(rest)) {
                auto const is { word.find('=') };
                if (is == std::string_view::npos || !add_fact(t.facts, word.substr(0, is), word.substr(is + 1)))
                    throw Unusable { fmt::format("\"{}\" is nothing that a trace has", word), number };
                says_order = says_order || word.starts_with("order=");
                if (word.starts_with("missing="))
                    t.missing = *number_of(word.substr(is + 1));
            }
        } else if (kind_named(first)) {
            t.steps.push_back(step_from_text(line, number));
        } else if (!ftrace_line(t, line, number) && !syscalls.strace_line(line, number)) {
            throw Unusable { "this is no event: docs/check.md says what is", number };
        }
    }
    if (t.steps.empty())
        throw Unusable { "there is no event in it" };
    for (auto const &s : t.steps) {
        has_numbers = has_numbers || s.number != 0;
        has_times = has_times || s.event.time != 0;
    }
    if (!has_numbers && t.facts.order == Order::effects)
        throw Unusable { "order=effects needs event= in its lines" };
    if (!says_order && has_times)
        t.facts.order = Order::clocks;
    for (std::size_t i { 0 }; i < t.steps.size(); ++i) {
        auto &s { t.steps[i] };
        if (!has_numbers)
            s.number = i;
        if (s.event.time == 0 && t.facts.order == Order::lines)
            s.event.time = s.line;
    }
    return t;
}

} // namespace gmem::checker
