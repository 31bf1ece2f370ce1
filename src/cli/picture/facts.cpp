#include "cli/picture/page.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gmem::cli::picture {
namespace {

using Json = nlohmann::ordered_json;

Json command_of(observe::LogHeader const &h)
{
    Json words = Json::array();
    std::string_view left { h.command, std::min<std::size_t>(h.command_bytes, sizeof h.command) };
    while (!left.empty()) {
        words.push_back(std::string { left.substr(0, left.find('\0')) });
        left.remove_prefix(std::min(left.size(), words.back().get_ref<std::string const &>().size() + 1));
    }
    return words;
}

Json kinds_of(Survey const &s)
{
    Json kinds = Json::array();
    for (auto const &k : observe::kind_table) {
        kinds.push_back({ { "name", k.name }, { "count", s.of_kind[static_cast<std::size_t>(k.kind)] } });
        if (k.detail.words)
            kinds.back()["words"] = std::vector<std::string_view>(k.detail.words, k.detail.words + k.detail.word_count);
    }
    return kinds;
}

Json spaces_of(Survey const &s)
{
    Json spaces = Json::array();
    for (auto const &space : s.spaces)
        spaces.push_back({ { "of", space.of == Space::Of::file ? "guest_memfd" : "VM" }, { "id", fmt::format("{}", space.id) }, { "pages", space.pages },
            { "initial", space.initial == Attribute::private_ ? 1 : 0 }, { "initialIsKnown", space.initial_is_known }, { "conversions", space.conversions } });
    return spaces;
}

Json place_of(std::optional<Place> const &p) { return p ? Json { p->space, p->first, p->count } : Json {}; }

Json over_time(Figures const &f)
{
    Json j { { "toShared", Json::array() }, { "toPrivate", Json::array() }, { "failed", Json::array() }, { "privatePages", Json::array() } };
    for (auto const &m : f.over_time()) {
        j["toShared"].push_back(m.to_shared);
        j["toPrivate"].push_back(m.to_private);
        j["failed"].push_back(m.failed);
        j["privatePages"].push_back(m.private_pages);
    }
    return j;
}

// For each direction and class of sizes: how many, quantiles, and the counts of the classes from the first to the last that is not empty.
Json durations_of(Figures const &f)
{
    Json all = Json::array();
    for (std::size_t direction { 0 }; direction < 2; ++direction)
        for (std::size_t size { 0 }; size < Figures::sizes; ++size) {
            auto const &d { f.durations()[direction][size] };
            if (d.total() == 0)
                continue;
            auto const used { [](auto n) { return n != 0; } };
            auto const first { std::ranges::find_if(d.counts(), used) - d.counts().begin() };
            auto const last { std::find_if(d.counts().rbegin(), d.counts().rend(), used).base() - d.counts().begin() };
            all.push_back({ { "to", direction }, { "size", size }, { "count", d.total() }, { "p50", d.quantile(0.5) }, { "p90", d.quantile(0.9) }, { "p99", d.quantile(0.99) },
                { "p999", d.quantile(0.999) }, { "longest", d.longest() }, { "firstClass", first }, { "classes", std::vector<std::uint64_t>(d.counts().begin() + first, d.counts().begin() + last) } });
        }
    return all;
}

Json failures_of(Figures const &f)
{
    Json all = Json::array();
    for (auto const &[key, failure] : f.failures()) {
        auto const *const name { strerrorname_np(key.second) };
        all.push_back({ { "kind", static_cast<int>(key.first) }, { "errno", key.second }, { "name", name ? name : "" }, { "words", std::strerror(key.second) }, { "count", failure.count },
            { "first", failure.first_time }, { "last", failure.last_time }, { "place", place_of(failure.first_place) } });
    }
    return all;
}

Json pins_of(Figures const &f)
{
    Json all = Json::array();
    for (auto const &p : f.pins())
        all.push_back({ p.time, p.until, place_of(p.place), p.kind, fmt::format("{:#x}", p.token), p.process });
    return all;
}

Json hottest_of(std::vector<Hot> const &hottest)
{
    Json all = Json::array();
    for (auto const &h : hottest)
        all.push_back({ h.place.space, h.place.first, h.place.count, h.conversions });
    return all;
}

Json who_of(Events const &events)
{
    Json all = Json::array();
    for (auto const &w : events.who())
        all.push_back({ w.process, w.thread });
    return all;
}

Json processes_of(Stacks const &stacks)
{
    Json all = Json::array();
    for (auto const &p : stacks.processes())
        all.push_back({ p.id, p.parent, p.forked, p.name });
    return all;
}

} // namespace

std::string facts_as_json(Findings const &f)
{
    auto const &h { f.trace.reader().header() };
    auto const &s { f.survey };
    Json j;
    j["trace"] = f.name;
    j["command"] = command_of(h);
    j["settings"] = std::string { h.settings, strnlen(h.settings, sizeof h.settings) };
    j["began"] = (h.began_realtime + (s.begin - h.began_monotonic)) / 1'000'000;
    j["duration"] = s.end - s.begin;
    j["events"] = s.events;
    j["conversions"] = s.ordinary;
    j["failed"] = s.failed;
    j["missing"] = s.missing;
    j["strange"] = s.strange;
    j["dropped"] = h.dropped.load();
    j["latestOnly"] = h.keep == observe::Keep::latest && raw(f.trace.reader().first()) != 0;
    j["kinds"] = kinds_of(s);
    j["spaces"] = spaces_of(s);
    j["eventCount"] = f.events.count();
    j["oneIn"] = { f.events.one_in(Events::Sort::converted), f.events.one_in(Events::Sort::failed), f.events.one_in(Events::Sort::other) };
    j["summary"] = f.summary ? Json { { "count", f.summary->count }, { "shift", f.summary->shift }, { "steps", Summary::steps } } : Json {};
    j["overTime"] = over_time(f.figures);
    j["mostPrivate"] = f.figures.most_private();
    j["durations"] = durations_of(f.figures);
    j["failures"] = failures_of(f.figures);
    j["pins"] = pins_of(f.figures);
    j["pinsNotKept"] = f.figures.pins_not_kept();
    j["hottest"] = hottest_of(f.hottest);
    j["who"] = who_of(f.events);
    j["processes"] = processes_of(f.events.stacks());
    j["stacks"] = f.events.stacks().texts();

    auto const text { j.dump(-1, ' ', true, Json::error_handler_t::replace) };
    std::string safe;
    safe.reserve(text.size());
    for (auto const c : text)
        if (c == '<')
            safe += "\\u003c";
        else
            safe += c;
    return safe;
}

} // namespace gmem::cli::picture
