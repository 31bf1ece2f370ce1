#include "cli/statistics.hpp"

#include "platform/kind.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

using observe::ExitFigures;
using observe::Figure;

constexpr std::uint64_t page { 4096 };

std::uint64_t value(Figure const &f) { return f.load(std::memory_order_relaxed); }

FileStatistics statistics_of_file(observe::FileFigures const &f)
{
    FileStatistics s {};
    s.file = value(f.file);
    auto const kind { value(f.platform) };
    s.platform = kind <= static_cast<std::uint64_t>(platform::all_kinds.back()) ? platform::name_of(static_cast<platform::Kind>(kind)) : "";
    s.size = value(f.pages) * page;
    s.private_bytes = std::min(value(f.private_pages) * page, s.size);
    s.shared_bytes = s.size - s.private_bytes;
    s.allocated = value(f.allocated);
    s.most_private = value(f.most_private) * page;
    s.most_shared = value(f.most_shared) * page;
    s.most_allocated = value(f.most_allocated);
    for (std::size_t d { 0 }; d < 2; ++d) {
        s.conversions[d] = value(f.converted[d]);
        s.converted[d] = value(f.converted_bytes[d]);
        for (std::size_t i { 0 }; i < s.by_size[d].size(); ++i)
            s.by_size[d][i] = value(f.by_size[d][i]);
    }
    s.largest = value(f.largest_bytes);
    s.unchanged = value(f.unchanged);
    s.refused = value(f.refused);
    s.again = value(f.again);
    s.no_memory = value(f.no_memory);
    s.requests = value(f.requests);
    s.faults = value(f.faults);
    s.punched = value(f.punched);
    s.recoveries = value(f.recoveries);
    s.launched = value(f.launched_pages);
    auto const under_way { [](observe::Progress const &p) { return FileStatistics::UnderWay { value(p.offset), p.size.load(std::memory_order_acquire), value(p.done), value(p.to), value(p.began) }; } };
    s.conversion = under_way(f.under_way);
    s.launch = under_way(f.launch);
    return s;
}

void tell_conversions(std::string &out, FileStatistics const &f)
{
    out += fmt::format("  conversions      {} to private ({}), {} to shared ({}); {} found nothing to change\n", f.conversions[1], in_units(f.converted[1]), f.conversions[0],
        in_units(f.converted[0]), f.unchanged);
    out += fmt::format("  refused          {}: {} EAGAIN, {} ENOMEM\n", f.refused, f.again, f.no_memory);
    if (f.requests + f.faults != 0)
        out += fmt::format("  exits            {} memory faults, {} requests for conversions\n", f.faults, f.requests);
    if (f.launched != 0)
        out += fmt::format("  launched         {} pages\n", f.launched);
    if (f.punched + f.recoveries != 0)
        out += fmt::format("  punched          {} times; {} pages that the kernel had dropped were opened again\n", f.punched, f.recoveries);
    if (f.conversions[0] + f.conversions[1] == 0)
        return;
    out += "  by size          at least   to private    to shared\n";
    for (std::size_t i { 0 }; i < observe::FileFigures::sizes; ++i)
        if (f.by_size[0][i] + f.by_size[1][i] != 0)
            out += fmt::format("                 {:>10} {:>12} {:>12}\n", in_units(page << i), f.by_size[1][i], f.by_size[0][i]);
}

std::string told_as_text(Statistics const &s)
{
    std::string out { fmt::format("session: {}\n", s.command) };
    for (auto const &f : s.files) {
        out += fmt::format("guest_memfd {} ({}, {})\n", f.file, in_units(f.size), f.platform);
        out += fmt::format("  now              {} shared, {} private, {} allocated\n", in_units(f.shared_bytes), in_units(f.private_bytes), in_units(f.allocated));
        out += fmt::format("  at most          {} shared, {} private, {} allocated\n", in_units(f.most_shared), in_units(f.most_private), in_units(f.most_allocated));
        out += fmt::format("  two sources      up to {} kept, or {} given back at once and {} copied\n", in_units(f.two_sources_kept()), in_units(f.two_sources_given_back()), in_units(f.copied()));
        tell_conversions(out, f);
    }
    if (s.files_past != 0) {
        out += fmt::format("{} guest_memfds of which only sums are left\n", s.files_past);
        tell_conversions(out, s.past);
    }
    if (s.files_not_counted != 0)
        out += fmt::format("{} guest_memfds found no room here: nothing is counted of them\n", s.files_not_counted);
    out += "vCPUs\n  exits           ";
    for (std::size_t i { 0 }; i < s.exits.size(); ++i)
        out += fmt::format(" {} {}{}", s.exits[i], exit_names[i], i + 1 < s.exits.size() ? "," : "\n");
    out += fmt::format("events\n  written          {}, {} dropped\n", s.events, s.events_dropped);
    return out;
}

// One metric: its head, then a line for each file.
template <typename Value>
void metric(std::string &out, Statistics const &s, char const *name, char const *type, char const *help, Value &&of)
{
    out += fmt::format("# HELP gmem_{} {}\n# TYPE gmem_{} {}\n", name, help, name, type);
    for (auto const &f : s.files)
        out += fmt::format("gmem_{}{{file=\"{}\"}} {}\n", name, f.file, of(f));
    if (s.files_past != 0 && std::string_view { type } == "counter")
        out += fmt::format("gmem_{}{{file=\"past\"}} {}\n", name, of(s.past));
}

void histogram(std::string &out, FileStatistics const &f, std::string const &file)
{
    for (std::size_t d { 0 }; d < 2; ++d) {
        auto const *const to { d ? "private" : "shared" };
        std::uint64_t sum { 0 };
        for (std::size_t i { 0 }; i < f.by_size[d].size(); ++i) {
            sum += f.by_size[d][i];
            if (f.by_size[d][i] != 0) // a bucket holds all that is not larger: up to the last whole page below the next power of two
                out += fmt::format("gmem_conversion_size_bytes_bucket{{file=\"{}\",to=\"{}\",le=\"{}\"}} {}\n", file, to, (page << (i + 1)) - page, sum);
        }
        out += fmt::format("gmem_conversion_size_bytes_bucket{{file=\"{}\",to=\"{}\",le=\"+Inf\"}} {}\n", file, to, sum);
        out += fmt::format("gmem_conversion_size_bytes_sum{{file=\"{}\",to=\"{}\"}} {}\n", file, to, f.converted[d]);
        out += fmt::format("gmem_conversion_size_bytes_count{{file=\"{}\",to=\"{}\"}} {}\n", file, to, sum);
    }
}

std::string told_as_prometheus(Statistics const &s)
{
    std::string out;
    metric(out, s, "size_bytes", "gauge", "Size of a guest_memfd.", [](auto const &f) { return f.size; });
    metric(out, s, "shared_bytes", "gauge", "Bytes that are shared.", [](auto const &f) { return f.shared_bytes; });
    metric(out, s, "private_bytes", "gauge", "Bytes that are private.", [](auto const &f) { return f.private_bytes; });
    metric(out, s, "allocated_bytes", "gauge", "Bytes in memory, when last looked at.", [](auto const &f) { return f.allocated; });
    metric(out, s, "shared_high_bytes", "gauge", "Most bytes that were shared.", [](auto const &f) { return f.most_shared; });
    metric(out, s, "private_high_bytes", "gauge", "Most bytes that were private.", [](auto const &f) { return f.most_private; });
    metric(out, s, "allocated_high_bytes", "gauge", "Most bytes that were seen in memory.", [](auto const &f) { return f.most_allocated; });
    metric(out, s, "two_sources_kept_bytes", "gauge", "Bytes of two sources that give nothing back.", [](auto const &f) { return f.two_sources_kept(); });
    metric(out, s, "two_sources_given_back_bytes", "gauge", "Bytes of two sources that give back at each conversion.", [](auto const &f) { return f.two_sources_given_back(); });
    metric(out, s, "converted_to_shared_bytes_total", "counter", "Bytes that became shared.", [](auto const &f) { return f.converted[0]; });
    metric(out, s, "converted_to_private_bytes_total", "counter", "Bytes that became private.", [](auto const &f) { return f.converted[1]; });
    metric(out, s, "conversions_to_shared_total", "counter", "Conversions to shared.", [](auto const &f) { return f.conversions[0]; });
    metric(out, s, "conversions_to_private_total", "counter", "Conversions to private.", [](auto const &f) { return f.conversions[1]; });
    metric(out, s, "conversions_unchanged_total", "counter", "Conversions that found nothing to change.", [](auto const &f) { return f.unchanged; });
    metric(out, s, "conversions_refused_total", "counter", "Conversions that failed.", [](auto const &f) { return f.refused; });
    metric(out, s, "conversions_eagain_total", "counter", "Conversions that failed with EAGAIN.", [](auto const &f) { return f.again; });
    metric(out, s, "conversions_enomem_total", "counter", "Conversions that failed with ENOMEM.", [](auto const &f) { return f.no_memory; });
    metric(out, s, "memory_faults_total", "counter", "KVM_EXIT_MEMORY_FAULT.", [](auto const &f) { return f.faults; });
    metric(out, s, "requests_total", "counter", "Hypercalls that asked for a conversion.", [](auto const &f) { return f.requests; });
    metric(out, s, "launched_pages_total", "counter", "Pages that a launch put in.", [](auto const &f) { return f.launched; });
    metric(out, s, "punched_total", "counter", "Holes that were punched.", [](auto const &f) { return f.punched; });
    metric(out, s, "recoveries_total", "counter", "Pages that the kernel had dropped from a window.", [](auto const &f) { return f.recoveries; });
    out += "# HELP gmem_conversion_size_bytes Sizes of conversions.\n# TYPE gmem_conversion_size_bytes histogram\n";
    for (auto const &f : s.files)
        histogram(out, f, std::to_string(f.file));
    if (s.files_past != 0)
        histogram(out, s.past, "past");
    out += "# HELP gmem_exits_total Exits of vCPUs.\n# TYPE gmem_exits_total counter\n";
    for (std::size_t i { 0 }; i < s.exits.size(); ++i)
        out += fmt::format("gmem_exits_total{{reason=\"{}\"}} {}\n", exit_names[i], s.exits[i]);
    out += fmt::format("# HELP gmem_events_total Events of the session.\n# TYPE gmem_events_total counter\ngmem_events_total {}\n", s.events);
    out += fmt::format("# HELP gmem_events_dropped_total Events that found no place.\n# TYPE gmem_events_dropped_total counter\ngmem_events_dropped_total {}\n", s.events_dropped);
    return out;
}

} // namespace

char const *const exit_names[ExitFigures::reasons] { "io", "mmio", "hypercall", "memory_fault", "halt", "interrupted", "other" };

Statistics statistics_of(observe::LogHeader const &log, std::string command)
{
    auto const &figures { observe::figures_of(log) };
    Statistics s;
    s.command = std::move(command);
    for (auto const &f : figures.files)
        if (value(f.file) != 0)
            s.files.push_back(statistics_of_file(f));
    std::ranges::sort(s.files, {}, &FileStatistics::file);
    s.files_past = value(figures.past_files);
    s.files_not_counted = value(figures.without_entry);
    s.past = statistics_of_file(figures.past);
    for (auto const &shard : figures.exits)
        for (std::size_t i { 0 }; i < s.exits.size(); ++i)
            s.exits[i] += value(shard.of[i]);
    s.events = log.head.load();
    s.events_dropped = log.dropped.load();
    return s;
}

std::string in_units(std::uint64_t bytes)
{
    static constexpr char const *names[] { "B", "KiB", "MiB", "GiB", "TiB" };
    std::size_t unit { 0 };
    auto n { static_cast<double>(bytes) };
    for (; n >= 1024 && unit + 1 < std::size(names); ++unit)
        n /= 1024;
    return unit == 0 || n == static_cast<double>(static_cast<std::uint64_t>(n)) ? fmt::format("{:.0f} {}", n, names[unit]) : fmt::format("{:.1f} {}", n, names[unit]);
}

std::string told(Statistics const &s, StatisticsForm form)
{
    switch (form) {
    case StatisticsForm::text:       return told_as_text(s);
    case StatisticsForm::json:       return statistics_as_json(s) + "\n";
    case StatisticsForm::prometheus: return told_as_prometheus(s);
    }
    __builtin_unreachable();
}

bool choose_form(std::string const &name, std::string const &path, StatisticsForm &form)
{
    auto const word { !name.empty() ? name : path.ends_with(".json") ? "json" : path.ends_with(".prom") ? "prometheus" : "text" };
    for (auto const &[known, f] : { std::pair { "text", StatisticsForm::text }, std::pair { "json", StatisticsForm::json }, std::pair { "prometheus", StatisticsForm::prometheus } })
        if (word == known) {
            form = f;
            return true;
        }
    return false;
}

// Beside the file, so that the rename stays within its file system.
bool put_out(std::string const &text, std::string const &path, std::string &complaint)
{
    if (path.empty())
        return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    auto const beside { fmt::format("{}.{}.new", path, getpid()) };
    auto *const file { std::fopen(beside.c_str(), "we") };
    bool done { file && std::fwrite(text.data(), 1, text.size(), file) == text.size() };
    if (file)
        done = std::fclose(file) == 0 && done;
    done = done && std::rename(beside.c_str(), path.c_str()) == 0;
    if (!done) {
        complaint = fmt::format("{}: the figures cannot be written there", path);
        (void)std::remove(beside.c_str());
    }
    return done;
}

} // namespace gmem::cli
