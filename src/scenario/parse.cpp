#include "scenario/parse.hpp"

#include "scenario/operations.hpp"
#include "scenario/step_keys.hpp"
#include "scenario/values.hpp"

#include <algorithm>
#include <set>

namespace gmem::scenario {
namespace {

constexpr std::uint64_t page { 4096 }, largest_memory { 1 << 30 };
constexpr std::uint64_t first_free_gpa { 0x100000 }; // below lie the scripted vCPU's operations

bool is_identifier(std::string const &name)
{
    return std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_'; }) && !std::isdigit(static_cast<unsigned char>(name[0]));
}

void parse_flags(Yaml const &y, Memory &m)
{
    m.mappable = m.init_shared = false;
    for (auto const &flag : y.list("flags"))
        switch (one_of(flag, "flags", { "mmap", "init_shared", "none" })) {
        case 0: m.mappable = true; break;
        case 1: m.init_shared = true; break;
        default: break;
        }
}

Memory parse_memory(std::string const &name, Yaml const &y, std::vector<Memory> const &before)
{
    Memory m;
    m.name = name;
    m.line = y.line();
    if (!is_identifier(name))
        y.refuse(fmt::format("a memory's name is of a-z, 0-9 and _, not '{}'", name));
    for (auto const &[key, value] : y.map("memory " + name))
        if (key == "size")
            m.size = number(value, key);
        else if (key == "gpa")
            m.gpa = number(value, key);
        else if (key == "flags")
            parse_flags(value, m);
        else if (key == "shared_part")
            m.second_source = one_of(value, key, { "in_place", "own_memory" }) == 1;
        else
            value.refuse(fmt::format("a memory has size, gpa, flags and shared_part, not '{}'", key));
    if (m.size == 0 || m.size % page || m.size > largest_memory)
        y.refuse(fmt::format("memory '{}' needs a size: pages of 4K, at most 1G", name));
    if (m.gpa < first_free_gpa || m.gpa % page || m.gpa > std::uint64_t { 1 } << 40)
        y.refuse(fmt::format("memory '{}' needs a gpa: a multiple of 4K, at least {:#x} (below is the guest's code), at most 1 TiB", name, first_free_gpa));
    for (auto const &other : before)
        if (m.gpa < other.gpa + other.size && other.gpa < m.gpa + m.size)
            y.refuse(fmt::format("memory '{}' overlaps '{}'", name, other.name));
    return m;
}

void parse_run(Yaml const &y, Scenario &s)
{
    for (auto const &[key, value] : y.map("run")) {
        auto const into { [&key = key, &value = value](std::vector<std::string> &list) {
            for (auto const &item : value.list(key)) {
                auto const &word { item.scalar(key) };
                if (word.find('=') == std::string::npos || word.find(',') != std::string::npos)
                    item.refuse(fmt::format("'{}' are NAME=VALUE words, not '{}'", key, word));
                list.push_back(word);
            }
        } };
        if (key == "platform")
            one_of(value, key, { "sw_protected", "snp", "tdx", "pkvm", "cca" }), s.platform = value.scalar(key);
        else if (key == "uapi")
            one_of(value, key, { "mainline", "v8", "may1", "rfc-v5", "rfc-v4", "feb" }), s.uapi = value.scalar(key);
        else if (key == "vm")
            one_of(value, key, { "default", "sw_protected", "snp", "tdx" }), s.vm = value.scalar(key);
        else if (key == "in_place")
            one_of(value, key, { "on", "off" }), s.in_place = value.scalar(key);
        else if (key == "platform_options")
            into(s.platform_options);
        else if (key == "uapi_options")
            into(s.uapi_options);
        else
            value.refuse(fmt::format("'run' has platform, uapi, vm, in_place, platform_options and uapi_options, not '{}'", key));
    }
}

// `file` and `pages` of a scenario must be known before its steps name them, in whatever order the file has them.
Scenario parse_whole(std::string const &file, Yaml const &y)
{
    Scenario s;
    s.file = file;
    std::optional<Yaml> steps;
    for (auto const &[key, value] : y.map("scenario"))
        if (key == "scenario")
            s.title = value.scalar(key);
        else if (key == "source")
            for (auto const &item : value.list(key))
                s.sources.push_back(item.scalar(key));
        else if (key == "run")
            parse_run(value, s);
        else if (key == "memory")
            for (auto const &[name, memory] : value.map(key))
                s.memories.push_back(parse_memory(name, memory, s.memories));
        else if (key == "steps")
            steps = value;
        else
            value.refuse(fmt::format("a scenario has scenario, source, run, memory and steps, not '{}'", key));
    if (s.title.empty())
        y.refuse("'scenario' is missing: one sentence that says what it shows");
    if (s.sources.empty())
        y.refuse("'source' is missing: the text that says so");
    if (s.memories.empty())
        y.refuse("'memory' is missing");
    if (!steps)
        y.refuse("'steps' are missing");
    for (auto const &item : steps->list("steps"))
        s.steps.push_back(parse_step(item, s));
    return s;
}

} // namespace

Memory const *Scenario::memory(std::string const &name) const
{
    for (auto const &m : memories)
        if (m.name == name)
            return &m;
    return nullptr;
}

Scenario parse(std::string const &file)
{
    try {
        return parse_whole(file, Yaml::load(file));
    } catch (YAML::Exception const &e) { // what the library finds out only when it is asked
        throw Refusal { file, e.mark.line + 1, "no YAML: " + e.msg };
    }
}

} // namespace gmem::scenario
