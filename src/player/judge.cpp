#include "player/judge.hpp"

#include "player/tell.hpp"
#include "scenario/names.hpp"
#include "scenario/operations.hpp"

#include <fmt/format.h>

namespace gmem::player {
namespace {

using Found = std::optional<Difference>;

std::string offset(std::uint64_t n) { return fmt::format("{:#x}", n); }
std::string yes(bool b) { return b ? "yes" : "no"; }

// `wanted` may be a default, which holds only where there is something to compare with.
template <typename T, typename Say>
Found differ(char const *what, std::optional<T> const &wanted, std::optional<T> const &otherwise, std::optional<T> const &seen, Say say)
{
    if (!wanted && (!otherwise || !seen || *otherwise == *seen))
        return std::nullopt;
    if (wanted && seen && *wanted == *seen)
        return std::nullopt;
    return Difference { what, say(wanted.value_or(otherwise.value_or(T {}))), seen ? say(*seen) : "nothing" };
}

Found differ_exit(Stage const &stage, scenario::Step const &step, Seen const &seen)
{
    auto const &e { step.expected };
    auto const reason { seen.exit ? std::optional { seen.exit->reason } : std::nullopt };
    if (auto d { differ<std::string>("exit", e.exit, "halt", reason, [](auto const &s) { return s; }) })
        return d;
    auto const at { e.at ? std::optional { stage.gpa(*e.at) } : std::nullopt };
    if (auto d { differ<std::uint64_t>("at", at, std::nullopt, seen.exit ? seen.exit->at : std::nullopt, [&stage](auto gpa) { return stage.place_of(gpa); }) })
        return d;
    if (auto d { differ<std::uint64_t>("size", e.size, std::nullopt, seen.exit ? seen.exit->size : std::nullopt, offset) })
        return d;
    auto const wanted { e.to_private ? e.to_private : e.side ? std::optional { *e.side == scenario::Side::private_ } : std::nullopt };
    return differ<bool>(e.side ? "side" : "to", wanted, std::nullopt, seen.exit ? seen.exit->to_private : std::nullopt, [](bool b) { return b ? "private" : "shared"; });
}

Found differ_bytes(Stage const &stage, scenario::Step const &step, Seen const &seen)
{
    auto const &e { step.expected };
    auto const found { [&] { return seen.bytes ? described(*seen.bytes, stage.texts) : std::string { "nothing" }; } };
    if (e.reads && !(seen.bytes && is(*e.reads, *seen.bytes, stage.texts)))
        return Difference { "reads", described(*e.reads), found() };
    for (auto const *which : { &e.like, &e.unlike })
        if (*which) {
            auto const earlier { stage.kept.find(**which) };
            bool const same { earlier != stage.kept.end() && seen.bytes && earlier->second == *seen.bytes };
            if (!seen.bytes || same != (which == &e.like))
                return Difference { which == &e.like ? "like" : "unlike", fmt::format("{} what '{}' was", which == &e.like ? "exactly" : "other bytes than", **which), found() };
        }
    return std::nullopt;
}

Found differ_said(scenario::Step const &step, Seen const &seen)
{
    auto const &e { step.expected };
    auto const heard { seen.said.empty() ? std::string { "nothing" } : one_line(seen.said) };
    if (e.says && seen.said.find(*e.says) == std::string::npos)
        return Difference { "says", *e.says, heard };
    if (e.silent.value_or(false) && !seen.said.empty())
        return Difference { "silent", "nothing", heard };
    return std::nullopt;
}

} // namespace

Found judge(Stage const &stage, scenario::Step const &step, Seen const &seen)
{
    using namespace scenario;
    auto const &e { step.expected };
    auto const name { [](std::span<Name const> names) { return [names](std::uint64_t n) { return word_for(names, n); }; } };
    if (seen.trouble)
        return Difference { "contents", "what was written last, in every page", *seen.trouble };
    if (auto d { differ<int>("errno", e.error, 0, seen.error, [](int n) { return word_for(error_names(), static_cast<std::uint64_t>(n)); }) })
        return d;
    if (auto d { differ<std::uint64_t>("error_offset", e.error_offset, std::nullopt, seen.error_offset, offset) })
        return d;
    if (auto d { differ<bool>("sigbus", e.sigbus, false, seen.sigbus, yes) })
        return d;
    if (auto d { differ<std::uint64_t>("firmware", e.firmware, 0, seen.firmware, name(firmware_names())) })
        return d;
    if (auto d { differ_exit(stage, step, seen) })
        return d;
    if (auto d { differ<std::uint64_t>("status", e.status, 0, seen.status, name(status_names())) })
        return d;
    if (auto d { differ<std::uint64_t>("result", e.result, std::nullopt, seen.result, offset) })
        return d;
    if (auto d { differ<std::uint64_t>("value", e.value, std::nullopt, seen.value, offset) })
        return d;
    if (auto d { differ<std::uint64_t>("node", e.node, std::nullopt, seen.node, [](auto n) { return std::to_string(n); }) })
        return d;
    if (auto d { differ<std::string>("policy", e.policy, std::nullopt, seen.policy, [](auto const &s) { return s; }) })
        return d;
    if (auto d { differ_bytes(stage, step, seen) })
        return d;
    return differ_said(step, seen);
}

} // namespace gmem::player
