#include "cli/statistics.hpp"

#include <nlohmann/json.hpp>

namespace gmem::cli {
namespace {

using Json = nlohmann::ordered_json;

Json histogram(FileStatistics const &f, std::size_t direction)
{
    auto sizes = Json::array();
    for (std::size_t i { 0 }; i < f.by_size[direction].size(); ++i)
        if (f.by_size[direction][i] != 0)
            sizes.push_back({ { "bytes_at_least", std::uint64_t { 4096 } << i }, { "conversions", f.by_size[direction][i] } });
    return sizes;
}

Json conversions_of(FileStatistics const &f)
{
    auto const direction { [&f](std::size_t d) { return Json { { "conversions", f.conversions[d] }, { "bytes", f.converted[d] }, { "by_size", histogram(f, d) } }; } };
    return { { "to_shared", direction(0) }, { "to_private", direction(1) }, { "unchanged", f.unchanged }, { "refused", f.refused }, { "eagain", f.again }, { "enomem", f.no_memory },
        { "memory_faults", f.faults }, { "requests", f.requests }, { "launched_pages", f.launched }, { "punched", f.punched }, { "recoveries", f.recoveries } };
}

} // namespace

std::string statistics_as_json(Statistics const &s)
{
    Json all { { "command", s.command }, { "files", Json::array() } };
    for (auto const &f : s.files) {
        Json one { { "file", f.file }, { "platform", f.platform }, { "size", f.size }, { "shared", f.shared_bytes }, { "private", f.private_bytes }, { "allocated", f.allocated },
            { "high", { { "shared", f.most_shared }, { "private", f.most_private }, { "allocated", f.most_allocated } } },
            { "two_sources", { { "kept", f.two_sources_kept() }, { "given_back", f.two_sources_given_back() }, { "copied", f.copied() } } } };
        one.update(conversions_of(f));
        all["files"].push_back(std::move(one));
    }
    all["past"] = conversions_of(s.past);
    all["past"]["files"] = s.files_past;
    all["files_not_counted"] = s.files_not_counted;
    for (std::size_t i { 0 }; i < s.exits.size(); ++i)
        all["exits"][exit_names[i]] = s.exits[i];
    all["events"] = { { "written", s.events }, { "dropped", s.events_dropped } };
    return all.dump(2, ' ', false, Json::error_handler_t::replace);
}

} // namespace gmem::cli
