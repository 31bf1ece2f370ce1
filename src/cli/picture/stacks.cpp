#include "cli/picture/stacks.hpp"

#include "observe/session.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <ranges>

namespace gmem::cli::picture {
namespace {

constexpr std::size_t most_processes { 10'000 };

std::string text_of(reports::CallStack const &stack)
{
    std::string text;
    for (auto const &f : stack.frames | std::views::take(Stacks::most_lines)) {
        auto const module_ { std::filesystem::path { f.module_ }.filename().string() };
        auto const nameless { f.module_.empty() ? fmt::format("{:#x}", f.offset) : fmt::format("{} + {:#x}", module_, f.offset) };
        text += (text.empty() ? "" : "\n") + (f.function.empty() ? nameless : reports::frame_words(f, module_));
    }
    return stack.remark.empty() ? text : fmt::format("{}\n({})", text, stack.remark);
}

} // namespace

void Stacks::meet(observe::EventNo n, observe::Event const &e)
{
    stacks_.meet(n, e);
    if (e.kind != observe::Kind::process || processes_.size() >= most_processes)
        return;
    bool const forked { e.detail == static_cast<std::uint8_t>(observe::Arrival::forked) };
    processes_.push_back({ e.process, static_cast<std::uint32_t>(e.more[0]), forked, trace_.text_behind(n, e) });
}

std::uint64_t Stacks::number_of(observe::Event const &e)
{
    auto const *const stack { e.stack == observe::EventNo::none ? nullptr : stacks_.of(e) };
    if (!stack)
        return 0;
    auto const [at, is_new] { numbers_.try_emplace(stack, 0) };
    if (!is_new)
        return at->second;
    auto text { text_of(*stack) };
    if (auto const known { known_.find(text) }; known != known_.end()) {
        at->second = known->second;
    } else if (texts_.size() < most) {
        at->second = known_[text] = texts_.size();
        texts_.push_back(std::move(text));
    }
    return at->second;
}

} // namespace gmem::cli::picture
