#include "scenario/step_keys.hpp"

#include "scenario/operations.hpp"
#include "scenario/values.hpp"

#include <algorithm>
#include <array>

namespace gmem::scenario {
namespace {

constexpr std::uint64_t page { 4096 };

struct GivenKey final {
    std::string_view name;
    void (*read)(Yaml const &, std::string const &, Given &, Scenario const &);
};

constexpr std::array given_keys {
    GivenKey { "at", [](Yaml const &y, std::string const &k, Given &g, Scenario const &s) { g.at = place(y, k, s); } },
    GivenKey { "size", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.size = number(y, k); } },
    GivenKey { "value", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.value = number(y, k); } },
    GivenKey { "answer", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.answer = named(y, k, error_names(), true); } },
    GivenKey { "rounds", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.rounds = number(y, k); } },
    GivenKey { "seed", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.seed = number(y, k); } },
    GivenKey { "number", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.number = number(y, k); } },
    GivenKey { "side", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.side = side(y, k); } },
    GivenKey { "to", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.to_private = to_private(y, k); } },
    GivenKey { "mode", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.mode = named(y, k, mode_names(), true); } },
    GivenKey { "text", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.text = fill_text(y, k); } },
    GivenKey { "keep", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.keep = y.scalar(k); } },
    GivenKey { "from", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.from = y.scalar(k); } },
    GivenKey { "memory", [](Yaml const &y, std::string const &k, Given &g, Scenario const &s) { g.memory = memory_name(y, k, s); } },
    GivenKey { "type", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) {
        one_of(y, k, { "normal", "zero", "unmeasured", "secrets", "cpuid" });
        g.type = y.scalar(k);
    } },
    GivenKey { "policy", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) {
        one_of(y, k, { "default", "bind", "interleave", "preferred" });
        g.policy = y.scalar(k);
    } },
    GivenKey { "words", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.words = words32(y, k); } },
    GivenKey { "nodes", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.nodes = nodes(y, k); } },
    GivenKey { "entries", [](Yaml const &y, std::string const &k, Given &g, Scenario const &s) { g.entries = state_changes(y, k, s); } },
    GivenKey { "rescind", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.rescind = yes_or_no(y, k); } },
    GivenKey { "huge", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.huge = yes_or_no(y, k); } },
    GivenKey { "destroyed_too", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.destroyed_too = yes_or_no(y, k); } },
    GivenKey { "measure", [](Yaml const &y, std::string const &k, Given &g, Scenario const &) { g.measure = yes_or_no(y, k); } },
};

struct ExpectedKey final {
    std::string_view name;
    void (*read)(Yaml const &, std::string const &, Expected &, Scenario const &);
};

constexpr std::array expected_keys {
    ExpectedKey { "errno", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.error = static_cast<int>(named(y, k, error_names(), false)); } },
    ExpectedKey { "error_offset", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.error_offset = number(y, k); } },
    ExpectedKey { "size", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.size = number(y, k); } },
    ExpectedKey { "result", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.result = number(y, k); } },
    ExpectedKey { "status", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.status = named(y, k, status_names(), true); } },
    ExpectedKey { "value", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.value = number(y, k); } },
    ExpectedKey { "sigbus", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.sigbus = yes_or_no(y, k); } },
    ExpectedKey { "reads", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.reads = content(y, k); } },
    ExpectedKey { "like", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.like = y.scalar(k); } },
    ExpectedKey { "unlike", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.unlike = y.scalar(k); } },
    ExpectedKey { "exit", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) {
        one_of(y, k, { "halt", "memory_fault", "hypercall", "mmio", "io", "shutdown", "internal_error" });
        e.exit = y.scalar(k);
    } },
    ExpectedKey { "says", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.says = y.scalar(k); } },
    ExpectedKey { "silent", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.silent = yes_or_no(y, k); } },
    ExpectedKey { "policy", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) {
        one_of(y, k, { "default", "bind", "interleave", "preferred" });
        e.policy = y.scalar(k);
    } },
    ExpectedKey { "node", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.node = number(y, k); } },
    ExpectedKey { "at", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &s) { e.at = place(y, k, s); } },
    ExpectedKey { "side", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.side = side(y, k); } },
    ExpectedKey { "to", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.to_private = to_private(y, k); } },
    ExpectedKey { "firmware", [](Yaml const &y, std::string const &k, Expected &e, Scenario const &) { e.firmware = named(y, k, firmware_names(), true); } },
};

std::string known_operations(std::string_view actor)
{
    std::string names;
    for (auto const &row : operations())
        if (row.actor == actor)
            names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
    return names;
}

void parse_expected(Yaml const &y, Step &step, Scenario const &of)
{
    auto const &op { *step.operation };
    for (auto const &[key, value] : y.map("expect")) {
        if (!has_word(op.expects, key))
            value.refuse(fmt::format("of '{}: {}' nothing called '{}' can be expected; it has {}", op.actor, op.name, key, op.expects.empty() ? "nothing" : op.expects));
        for (auto const &known : expected_keys)
            if (known.name == key)
                known.read(value, key, step.expected, of);
    }
}

// Host accesses go through a window, which ends where the memory ends; a scripted guest moves whole words.
void check_sizes(Yaml const &y, Step const &step, Scenario const &of)
{
    auto const &g { step.given };
    auto const does { step.operation->does };
    bool const through_window { does == Does::write || does == Does::read || does == Does::touch || does == Does::pass_to_kernel || does == Does::pin || does == Does::hog || does == Does::node || does == Does::policy || does == Does::bind_policy };
    bool const of_a_file { through_window || does == Does::convert || does == Does::punch || does == Does::allocate };
    auto const size { g.size.value_or(page) };
    if (g.at && of_a_file && g.at->memory.empty())
        y.refuse("'at' is a place in a memory by its name: the VMM speaks of files and windows, not of guest physical addresses");
    if (g.at && through_window) {
        auto const &m { *of.memory(g.at->memory) };
        if (!m.mappable && !m.second_source)
            y.refuse(fmt::format("memory '{}' has no window: its flags are without mmap", m.name));
        if (g.at->offset >= m.size || size == 0 || (does != Does::touch && size > m.size - g.at->offset))
            y.refuse(fmt::format("[{:#x}, +{:#x}) does not lie in memory '{}'", g.at->offset, size, m.name));
    }
    if ((does == Does::guest_read || does == Does::guest_write) && (size % 8 || size == 0 || size > page))
        y.refuse("a scripted guest reads and writes multiples of 8 bytes, at most 4K");
    if (step.expected.reads && step.expected.reads->kind == Content::Kind::noise && size < 256)
        y.refuse("noise can be told from other bytes in 256 bytes and more");
    if (g.words.size() * 4 > size || (step.expected.reads && step.expected.reads->words.size() * 4 > size))
        y.refuse(fmt::format("the words are more than the {} bytes", size));
    if (does == Does::hog && (g.rounds.value_or(0) == 0 || *g.rounds > 100000 || size % page || g.at->offset % page))
        y.refuse("hog works on whole pages, 1 to 100000 rounds");
}

} // namespace

Step parse_step(Yaml const &y, Scenario const &of)
{
    Step step;
    step.line = y.line();
    auto const entries { y.map("a step") };
    for (auto const &[key, value] : entries)
        for (auto const &actor : actors())
            if (key == actor) {
                if (step.operation)
                    value.refuse("a step has one actor");
                step.operation = find_operation(actor, value.scalar(key));
                if (!step.operation)
                    value.refuse(fmt::format("'{}' can {}; not '{}'", key, known_operations(actor), value.scalar(key)));
            }
    if (!step.operation)
        y.refuse("a step needs somebody who does something: vmm, guest or device");
    auto const &op { *step.operation };
    step.told = op.name;
    for (auto const &[key, value] : entries) {
        if (key == "say" || key == "why")
            (key == "say" ? step.say : step.why) = value.scalar(key);
        else if (key == "expect")
            parse_expected(value, step, of);
        else if (key != op.actor) {
            if (!has_word(op.required, key) && !has_word(op.optional, key))
                value.refuse(fmt::format("'{}: {}' has no '{}'; it has say, why, expect{}{}{}{}", op.actor, op.name, key, op.required.empty() ? "" : " ", op.required, op.optional.empty() ? "" : " ", op.optional));
            for (auto const &known : given_keys)
                if (known.name == key)
                    known.read(value, key, step.given, of);
            auto const brief { value.brief() };
            bool const quoted { brief.find(' ') != std::string::npos && brief.front() != '[' };
            step.told += fmt::format(" {} {}{}{}", key, quoted ? "'" : "", brief, quoted ? "'" : "");
        }
    }
    for (auto const *name : { &step.expected.like, &step.expected.unlike, &step.given.from })
        if (*name && std::none_of(of.steps.begin(), of.steps.end(), [name](Step const &s) { return s.given.keep == *name; }))
            y.refuse(fmt::format("no step before this one keeps '{}'", **name));
    if (step.say.empty())
        y.refuse("'say' is missing: the step in a sentence");
    for (auto rest { op.required }; !rest.empty();) {
        auto const end { rest.find(' ') };
        auto const key { rest.substr(0, end) };
        bool there { false };
        for (auto const &entry : entries)
            there = there || entry.first == key;
        if (!there)
            y.refuse(fmt::format("'{}: {}' needs '{}'", op.actor, op.name, key));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    check_sizes(y, step, of);
    return step;
}

} // namespace gmem::scenario
