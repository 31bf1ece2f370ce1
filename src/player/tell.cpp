#include "player/tell.hpp"

#include "scenario/names.hpp"
#include "scenario/operations.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace gmem::player {
namespace {

using Json = nlohmann::ordered_json;
using Facts = std::vector<std::pair<std::string, std::string>>;

// Everything that the step showed, in words.
Facts facts_of(Stage const &stage, Seen const &seen)
{
    using namespace scenario;
    Facts facts;
    auto const add { [&facts](char const *name, std::string value) { facts.emplace_back(name, std::move(value)); } };
    if (seen.error && !(seen.exit && *seen.error == 0))
        add("errno", word_for(error_names(), static_cast<std::uint64_t>(*seen.error)));
    if (seen.error_offset)
        add("error_offset", fmt::format("{:#x}", *seen.error_offset));
    if (seen.firmware)
        add("firmware", word_for(firmware_names(), *seen.firmware));
    if (seen.sigbus)
        add("sigbus", *seen.sigbus ? "yes" : "no");
    if (seen.exit) {
        add("exit", seen.exit->reason);
        if (seen.exit->at)
            add("at", stage.place_of(*seen.exit->at));
        if (seen.exit->size)
            add("size", fmt::format("{:#x}", *seen.exit->size));
        if (seen.exit->to_private)
            add(seen.exit->reason == "memory_fault" ? "side" : "to", *seen.exit->to_private ? "private" : "shared");
    }
    if (seen.status)
        add("status", word_for(status_names(), *seen.status));
    if (seen.result && !seen.bytes)
        add("result", fmt::format("{:#x}", *seen.result));
    if (seen.value)
        add("value", fmt::format("{:#x}", *seen.value));
    if (seen.node)
        add("node", std::to_string(*seen.node));
    if (seen.policy)
        add("policy", *seen.policy);
    if (seen.bytes)
        add("reads", described(*seen.bytes, stage.texts));
    if (!seen.said.empty())
        add("says", one_line(seen.said));
    return facts;
}

// What needs no words: it went as things go.
bool is_plain(std::pair<std::string, std::string> const &fact)
{
    static Facts const plain { { "errno", "none" }, { "sigbus", "no" }, { "exit", "halt" }, { "status", "ok" }, { "firmware", "SUCCESS" }, { "result", "0x0" } };
    return std::find(plain.begin(), plain.end(), fact) != plain.end();
}

// Bytes of a program's output need not be UTF-8.
std::string dump(Json const &j) { return j.dump(-1, ' ', false, Json::error_handler_t::replace); }

void line(std::string const &text)
{
    fmt::print("{}\n", text);
    std::fflush(stdout); // each step as it happens, and none is lost if the next ends us
}

} // namespace

std::string one_line(std::string const &text)
{
    std::string line;
    for (auto const c : text)
        line += c == '\n' ? std::string { "; " } : std::string { c };
    while (line.ends_with("; "))
        line.resize(line.size() - 2);
    return line;
}

void Teller::begin() const
{
    auto const &s { scenario_ };
    if (voice_ == Voice::json)
        line(dump(Json { { "scenario", s.file }, { "title", s.title }, { "platform", s.platform }, { "uapi", s.uapi }, { "source", s.sources }, { "steps", s.steps.size() } }));
    if (voice_ != Voice::full)
        return;
    line(fmt::format("{}: {}", s.file, s.title));
    line(fmt::format("    platform {}, version {}; {}", s.platform, s.uapi, fmt::join(s.sources, "; ")));
}

void Teller::step(Stage const &stage, std::size_t number, scenario::Step const &step, Seen const &seen, std::optional<Difference> const &difference) const
{
    auto const facts { facts_of(stage, seen) };
    if (voice_ == Voice::json) {
        Json j { { "scenario", scenario_.file }, { "step", number }, { "line", step.line }, { "actor", step.operation->actor }, { "operation", step.operation->name }, { "say", step.say } };
        for (auto const &[name, value] : facts)
            j["seen"][name] = value;
        j["ok"] = !difference;
        if (difference)
            j["difference"] = { { "what", difference->what }, { "expected", difference->expected }, { "seen", difference->seen } };
        line(dump(j));
        return;
    }
    if (voice_ == Voice::full) {
        std::string shown;
        for (auto const &[name, value] : facts)
            if (!is_plain({ name, value }))
                shown += fmt::format("{}{} {}", shown.empty() ? "" : ", ", name, value);
        line(fmt::format("{:3}. {:6} {}", number, step.operation->actor, step.say));
        line(fmt::format("            {} -> {}", step.told, shown.empty() ? "done" : shown));
        if (!step.why.empty())
            line(fmt::format("            because {}", step.why));
    }
    if (difference)
        line(fmt::format("{}:{}: step {}, {}: expected {} {}, seen {}", scenario_.file, step.line, number, step.say, difference->what, difference->expected, difference->seen));
}

void Teller::broken(std::size_t number, int at, std::string const &sentence) const
{
    if (voice_ == Voice::json)
        line(dump(Json { { "scenario", scenario_.file }, { "step", number }, { "line", at }, { "ok", false }, { "broken", sentence } }));
    else
        line(number ? fmt::format("{}:{}: step {}: {}", scenario_.file, at, number, sentence) : fmt::format("{}: {}", scenario_.file, sentence));
}

void Teller::end(std::size_t steps) const
{
    if (voice_ == Voice::json)
        line(dump(Json { { "scenario", scenario_.file }, { "passed", true }, { "steps", steps } }));
    else
        line(fmt::format("{}: {} steps as expected", scenario_.file, steps));
}

} // namespace gmem::player
