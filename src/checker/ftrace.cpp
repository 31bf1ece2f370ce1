#include "checker/ftrace.hpp"

#include "checker/text.hpp"
#include "checker/words.hpp"

namespace gmem::checker {
namespace {

constexpr std::uint64_t convert_command { 0xc080aed2 };

// "12345.678901" in nanoseconds.
std::optional<std::uint64_t> nanoseconds(std::string_view seconds)
{
    auto const dot { seconds.find('.') };
    if (dot == std::string_view::npos || seconds.size() - dot - 1 > 9)
        return std::nullopt;
    std::string fraction { seconds.substr(dot + 1) };
    fraction.resize(9, '0');
    auto const whole { number_of(seconds.substr(0, dot)) }, parts { number_of(fraction) };
    constexpr std::uint64_t most { 1'000'000'000 };
    if (!whole || !parts || *whole > most)
        return std::nullopt;
    return *whole * 1'000'000'000 + *parts;
}

std::optional<std::uint64_t> thread_of(std::string_view task)
{
    auto const dash { task.rfind('-') };
    return dash == std::string_view::npos || dash == 0 ? std::nullopt : number_of(task.substr(dash + 1));
}

struct Prefix final {
    std::uint64_t thread { 0 }, time { 0 };
    std::string_view event;
};

// A task's name may have spaces: what is looked for is the first word that ends in a number behind a dash and is followed by "[".
std::optional<Prefix> prefix(std::string_view &rest)
{
    Prefix p;
    for (auto word { next_word(rest) }; !word.empty(); word = next_word(rest)) {
        if (auto const thread { thread_of(word) })
            p.thread = *thread;
        if (!word.ends_with(':') || p.thread == 0)
            continue;
        auto const time { nanoseconds(word.substr(0, word.size() - 1)) };
        if (!time)
            continue;
        p.time = *time;
        p.event = next_word(rest);
        return p.event.ends_with(':') ? std::optional { p } : std::nullopt;
    }
    return std::nullopt;
}

} // namespace

bool ftrace_line(Trace &t, std::string_view line, std::uint64_t number)
{
    auto const p { prefix(line) };
    if (!p)
        return false;
    constexpr std::string_view ours { "gmem_" };
    auto const name { p->event.substr(0, p->event.size() - 1) };
    if (!name.starts_with(ours) || !kind_named(name.substr(ours.size())))
        return true;
    std::string own { name.substr(ours.size()) };
    if (auto const open { line.find('(') }; open != std::string_view::npos)
        line.remove_prefix(std::min(line.find(')', open), line.size() - 1) + 1); // where the probe is
    for (auto word { next_word(line) }; !word.empty(); word = next_word(line)) {
        if (word.starts_with("cmd=")) {
            if (number_of(word.substr(4)) != convert_command)
                return true;
            continue;
        }
        (own += ' ') += word;
    }
    auto s { step_from_text(own, number) };
    s.event.time = p->time;
    s.event.process = s.event.thread = static_cast<std::uint32_t>(p->thread);
    // The kernel fills in error_offset where it names a page; what else stands there is the caller's.
    if (s.event.result == 0 || s.event.result == -22 || s.event.result == -25)
        s.event.at = 0;
    t.steps.push_back(s);
    return true;
}

} // namespace gmem::checker
