#include "cli/top_frame.hpp"

#include <algorithm>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstring>

namespace gmem::cli {
namespace {

constexpr std::size_t bar_width { 22 };

FileStatistics const *find(Statistics const &s, std::uint64_t file)
{
    auto const at { std::ranges::find(s.files, file, &FileStatistics::file) };
    return at == s.files.end() ? nullptr : &*at;
}

std::string rate(std::uint64_t now, std::uint64_t before, double seconds)
{
    if (seconds <= 0)
        return "-";
    auto const r { static_cast<double>(now - std::min(now, before)) / seconds };
    return r < 10 && r > 0 ? fmt::format("{:.1f}", r) : r < 1e6 ? fmt::format("{:.0f}", r) : fmt::format("{:.1f}M", r / 1e6);
}

std::string in_time(double nanoseconds)
{
    if (nanoseconds < 1e3)
        return fmt::format("{:.0f} ns", nanoseconds);
    if (nanoseconds < 1e6)
        return fmt::format("{:.1f} us", nanoseconds / 1e3);
    return nanoseconds < 1e9 ? fmt::format("{:.1f} ms", nanoseconds / 1e6) : fmt::format("{:.1f} s", nanoseconds / 1e9);
}

std::string under_way(char const *what, FileStatistics::UnderWay const &u, std::uint64_t now)
{
    auto const done { std::min(u.done, u.size) };
    return fmt::format("    {} {:#x}+{:#x} {} {:3}% for {}\n", what, u.offset, u.size, bar(done, u.size, bar_width), done * 100 / u.size,
        in_time(static_cast<double>(now - std::min(now, u.began))));
}

std::string line_of(FileStatistics const &f, Moment const &m, RecentEvents const &events)
{
    auto const *const before { find(m.before, f.file) };
    FileStatistics const none {};
    auto const &b { before ? *before : none };
    auto const seconds { before ? m.seconds : 0.0 };
    auto const at { events.latencies().find(f.file) };
    auto const latency { at == events.latencies().end() || at->second.count == 0
            ? std::string { "-" }
            : fmt::format("{} / {}", in_time(static_cast<double>(at->second.sum) / static_cast<double>(at->second.count)), in_time(static_cast<double>(at->second.longest))) };
    return fmt::format("{:>10} {:>9} {} {:>9} {:>9} {:>8} {:>8} {:>8}  {}\n", f.file, in_units(f.size), bar(f.shared_bytes, f.size, bar_width), in_units(f.private_bytes),
        in_units(f.allocated), rate(f.conversions[0] + f.conversions[1], b.conversions[0] + b.conversions[1], seconds), rate(f.again, b.again, seconds),
        rate(f.faults + f.requests, b.faults + b.requests, seconds), latency);
}

std::string failure_line(observe::Event const &e, std::uint64_t now)
{
    return fmt::format("  {} ago: {} of {} {:#x}+{:#x} in thread {}: {} at {:#x}\n", in_time(static_cast<double>(now - std::min(now, e.time))), e.detail ? "to private" : "to shared", e.file,
        e.offset, e.size, e.thread, strerrorname_np(-e.result) ? strerrorname_np(-e.result) : std::to_string(e.result), e.at);
}

// ASCII, but for the command, which may be anything.
std::string cut(std::string const &text, std::size_t width)
{
    std::string out;
    for (std::string_view rest { text }; !rest.empty();) {
        auto const end { rest.find('\n') };
        for (auto const c : rest.substr(0, std::min(end, width)))
            out += static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~' ? '?' : c;
        out += '\n';
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return out;
}

} // namespace

std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width, char rest)
{
    auto const inside { width < 2 ? 0 : width - 2 };
    auto const filled { whole == 0 ? 0 : static_cast<std::size_t>(static_cast<double>(part) / static_cast<double>(whole) * static_cast<double>(inside) + 0.5) };
    return "[" + std::string(std::min(filled, inside), '#') + std::string(inside - std::min(filled, inside), rest) + "]";
}

void RecentEvents::follow(observe::LogReader const &log)
{
    latencies_.clear();
    auto const end { raw(log.last()) };
    for (next_ = std::max(next_, raw(log.first())); next_ < end; ++next_) {
        auto const e { log.at(observe::EventNo { next_ }) };
        if (!e || e->kind != observe::Kind::convert)
            continue;
        auto &l { latencies_[e->file] };
        ++l.count;
        l.sum += e->duration;
        l.longest = std::max(l.longest, e->duration);
        if (e->result < 0) {
            failures_.push_back(*e);
            if (failures_.size() > failures_kept)
                failures_.pop_front();
        }
    }
}

std::string top_frame(Moment const &m, RecentEvents const &events, std::size_t width)
{
    auto const &s { m.now };
    std::string out { fmt::format("gmem top: {}\n", s.command) };
    std::uint64_t exits { 0 }, exits_before { 0 };
    for (std::size_t i { 0 }; i < s.exits.size(); ++i) {
        exits += s.exits[i];
        exits_before += m.before.exits[i];
    }
    out += fmt::format("{} guest_memfds, {} vCPU exits ({}/s), {} events, {} dropped\n\n", s.files.size() + s.files_past, exits, rate(exits, exits_before, m.seconds), s.events, s.events_dropped);
    out += fmt::format("{:>10} {:>9} {:<22} {:>9} {:>9} {:>8} {:>8} {:>8}  {}\n", "FILE", "SIZE", "#shared   .private", "PRIVATE", "ALLOCATED", "CONV/s", "EAGAIN/s", "EXITS/s", "LATENCY mean / longest");
    for (auto const &f : s.files) {
        out += line_of(f, m, events);
        if (f.conversion.size != 0)
            out += under_way(f.conversion.to ? "converting to private" : "converting to shared", f.conversion, m.monotonic);
        if (f.launch.size != 0)
            out += under_way("launching", f.launch, m.monotonic);
    }
    if (!events.failures().empty())
        out += "\nconversions that failed\n";
    for (auto const &e : events.failures())
        out += failure_line(e, m.monotonic);
    return cut(out, width);
}

} // namespace gmem::cli
