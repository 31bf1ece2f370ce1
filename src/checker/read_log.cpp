#include "checker/read.hpp"
#include "checker/words.hpp"

#include "observe/log_reader.hpp"

#include <algorithm>

namespace gmem::checker {
namespace {

using observe::Kind;

// What lies behind an event is a name: no longer than paths are.
constexpr std::uint64_t longest_name { 4096 };

std::string name_behind(observe::LogReader const &log, observe::EventNo n, observe::Event const &e)
{
    std::string name(std::min(longest_name, observe::bytes_behind(e)), '\0');
    return log.bytes_behind(n, e, { reinterpret_cast<std::byte *>(name.data()), name.size() }) ? name : "";
}

} // namespace

Trace read_log(std::span<std::byte const> file)
{
    auto const opened { observe::LogReader::open(file) };
    if (!opened)
        throw Unusable { "it is a trace of another version, or only a part of one" };
    auto const &log { opened.value() };
    Trace t;
    auto const &settings { log.header().settings };
    t.facts = facts_of({ settings, static_cast<std::size_t>(std::find(std::begin(settings), std::end(settings), '\0') - settings) });
    t.facts.order = Order::effects;
    t.facts.all_effects = true;
    t.missing = log.for_each([&](observe::EventNo n, observe::Event const &e) {
        if (e.kind == Kind::nothing || e.kind == Kind::module_ || e.kind == Kind::stack)
            return;
        t.steps.push_back({ .event = e, .number = raw(n) });
        if (e.kind == Kind::process)
            t.steps.back().name = name_behind(log, n, e);
    });
    t.missing += log.header().dropped.load();
    // A trace with holes says nothing of what it does not show.
    t.facts.from_beginning = raw(log.first()) == 0 && t.missing == 0;
    t.facts.all_pins = t.facts.from_beginning;
    return t;
}

Trace read(std::span<std::byte const> file)
{
    constexpr auto magic { observe::LogHeader::expected_magic };
    auto const *const first { reinterpret_cast<char const *>(file.data()) };
    if (file.size() >= sizeof magic && std::equal(first, first + sizeof magic, reinterpret_cast<char const *>(&magic)))
        return read_log(file);
    return read_text({ first, file.size() });
}

} // namespace gmem::checker
