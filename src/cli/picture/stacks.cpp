#include "cli/picture/stacks.hpp"

#include "observe/session.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace gmem::cli::picture {
namespace {

constexpr std::uint64_t most_stack_bytes { 64 * 1024 };
constexpr std::size_t most_processes { 10'000 };
constexpr std::size_t most_modules { 100'000 };

} // namespace

Stacks::Stacks(TraceFile const &trace) : trace_ { trace }
{
    std::size_t modules { 0 };
    (void)trace.reader().for_each([&](observe::EventNo n, observe::Event const &e) {
        if (e.kind == observe::Kind::process && processes_.size() < most_processes)
            note_process(n, e);
        else if (e.kind == observe::Kind::module_ && ++modules < most_modules)
            note_module(n, e);
    });
}

void Stacks::note_process(observe::EventNo n, observe::Event const &e)
{
    bool const forked { e.detail == static_cast<std::uint8_t>(observe::Arrival::forked) };
    auto const parent { static_cast<std::uint32_t>(e.more[0]) };
    processes_.push_back({ e.process, parent, forked, trace_.text_behind(n, e) });
    if (forked)
        modules_[e.process] = modules_[parent]; // a child has its parent's code
    else
        modules_.erase(e.process); // it executed something else
}

void Stacks::note_module(observe::EventNo n, observe::Event const &e)
{
    auto &modules { modules_[e.process] };
    Module m { e.more[0], e.more[2], e.more[3], trace_.text_behind(n, e) };
    std::erase_if(modules, [&](auto const &other) { return other.begin < m.end && m.begin < other.end; });
    modules.push_back(std::move(m));
}

std::string Stacks::line_of(std::uint32_t process, std::uint64_t address) const
{
    auto const found { modules_.find(process) };
    if (found != modules_.end())
        for (auto const &m : found->second)
            if (address >= m.begin && address < m.end)
                return fmt::format("{} + {:#x}", m.name.substr(m.name.rfind('/') + 1), address - m.begin + m.file_offset);
    return {};
}

std::string Stacks::text_of(observe::EventNo n, observe::Event const &e) const
{
    auto text { line_of(e.process, e.more[0]) };
    if (text.empty())
        text = fmt::format("{:#x}", e.more[0]);
    std::vector<std::uint64_t> words(std::min(observe::bytes_behind(e), most_stack_bytes) / sizeof(std::uint64_t));
    if (!trace_.reader().bytes_behind(n, e, std::as_writable_bytes(std::span { words })))
        return text;
    std::size_t lines { 1 };
    for (auto const word : words)
        if (auto const line { line_of(e.process, word) }; !line.empty() && lines < most_lines) {
            text += "\n" + line;
            ++lines;
        }
    return text;
}

std::uint64_t Stacks::number_of(observe::EventNo n)
{
    if (n == observe::EventNo::none)
        return 0;
    if (auto const found { numbers_.find(raw(n)) }; found != numbers_.end())
        return found->second;
    auto const e { raw(n) < raw(trace_.reader().last()) && raw(n) >= raw(trace_.reader().first()) ? trace_.reader().at(n) : std::nullopt };
    std::uint64_t number { 0 };
    if (e && e->kind == observe::Kind::stack) {
        auto text { text_of(n, *e) };
        auto const known { known_.find(text) };
        if (known != known_.end()) {
            number = known->second;
        } else if (texts_.size() < most) {
            number = texts_.size();
            texts_.push_back(text);
            known_.emplace(std::move(text), number);
        }
    }
    numbers_.emplace(raw(n), number);
    return number;
}

} // namespace gmem::cli::picture
