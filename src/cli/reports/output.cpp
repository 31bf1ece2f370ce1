#include "cli/reports/output.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace gmem::cli::reports {
namespace {

std::string identity_of(Report const &r)
{
    auto identity { r.identity };
    if (identity.empty() && !r.stacks.empty())
        for (auto const &f : r.stacks.front().frames)
            identity += fmt::format("{}+{:x} ", f.module_, f.offset);
    return identity;
}

} // namespace

bool Output::open(std::string const &path, Format format, std::string &complaint)
{
    format_ = format;
    if (path.empty())
        return true;
    file_.reset(std::fopen(path.c_str(), "we"));
    if (!file_)
        complaint = fmt::format("{}: reports cannot be written there: {}", path, std::strerror(errno));
    return file_ != nullptr;
}

void Output::write(std::string const &text)
{
    auto *const to { file_ ? file_.get() : stderr };
    std::fwrite(text.data(), 1, text.size(), to);
    std::fflush(to);
}

std::size_t Output::add(Report const &r)
{
    auto const [at, is_new] { known_.try_emplace({ r.kind, identity_of(r) }, distinct_.size()) };
    if (is_new) {
        distinct_.push_back({ r.kind, !suppressions_.apply_to(r), 0 });
        if (distinct_.back().wanted)
            write(format_ == Format::text ? as_text(r) : as_json(r));
    }
    repeat(at->second);
    return at->second;
}

void Output::repeat(std::size_t which) { ++distinct_[which].count; }

std::size_t Output::wanted() const
{
    return std::accumulate(distinct_.begin(), distinct_.end(), std::size_t { 0 }, [](std::size_t sum, Distinct const &d) { return sum + (d.wanted ? d.count : 0); });
}

void Output::summarise(std::uint64_t missed)
{
    if (distinct_.empty())
        return;
    std::size_t all { 0 }, suppressed { 0 }, distinct { 0 };
    std::array<std::size_t, kinds> each {};
    for (auto const &d : distinct_) {
        all += d.count;
        suppressed += d.wanted ? 0 : d.count;
        distinct += d.wanted;
        each[static_cast<std::size_t>(d.kind)] += d.wanted ? d.count : 0;
    }
    if (format_ == Format::json) {
        nlohmann::ordered_json j;
        j["summary"] = { { "reports", all }, { "suppressed", suppressed }, { "distinct", distinct }, { "missed_events", missed } };
        for (std::size_t k { 0 }; k < kinds; ++k)
            if (each[k] != 0)
                j["summary"]["kinds"][std::string { kind_texts[k].name }] = each[k];
        return write(j.dump() + "\n");
    }
    auto text { fmt::format("gmem: {} report{} ({} suppressed), {} distinct", all, all == 1 ? "" : "s", suppressed, distinct) };
    char const *separator { ": " };
    for (std::size_t k { 0 }; k < kinds; ++k)
        if (each[k] != 0) {
            text += fmt::format("{}{} {}", separator, each[k], kind_texts[k].name);
            separator = ", ";
        }
    if (missed != 0)
        text += fmt::format("; {} events were overwritten before they could be read", missed);
    write(text + "\n");
}

} // namespace gmem::cli::reports
