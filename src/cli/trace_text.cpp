// A trace in the style of the kernel's: task-pid, thread, time, event, fields.

#include "cli/trace.hpp"
#include "cli/trace_fields.hpp"
#include "cli/trace_stacks.hpp"

#include <ctime>
#include <iterator>

namespace gmem::cli {
namespace {

using Line = fmt::memory_buffer;

constexpr std::uint64_t second { 1'000'000'000 };

void put_field(Line &line, observe::Field const &f, std::uint64_t value)
{
    auto const to { std::back_inserter(line) };
    if (auto const word { word_for(f, value) }; !word.empty())
        fmt::format_to(to, " {}={}", f.name, word);
    else if (f.form == observe::Form::hexadecimal)
        fmt::format_to(to, " {}={:#x}", f.name, value);
    else
        fmt::format_to(to, " {}={}", f.name, value);
}

std::string_view name_of_errno(int error)
{
    auto const *const name { strerrorname_np(error) };
    return name ? std::string_view { name } : std::string_view {};
}

void put_result(Line &line, observe::Event const &e)
{
    auto const to { std::back_inserter(line) };
    if (auto const name { e.result < 0 ? name_of_errno(-e.result) : std::string_view {} }; !name.empty())
        fmt::format_to(to, " result=-{}", name);
    else
        fmt::format_to(to, " result={}", e.result);
    if (e.duration != 0)
        fmt::format_to(to, " took={}ns", e.duration);
}

// Kinds that tell of the session, not of a call.
bool has_result(observe::Kind k) { return k != observe::Kind::process && k != observe::Kind::module_ && k != observe::Kind::stack; }

void put_event(Line &line, TraceFile const &file, TraceTasks const &tasks, observe::EventNo n, observe::Event const &e)
{
    fmt::format_to(std::back_inserter(line), "{:>16}-{:<7} [{}] {:>6}.{:09}: {}:", tasks.name_of(e.process), e.process, e.thread, e.time / second, e.time % second, observe::words_of(e.kind).name);
    for_each_field(e, [&line](observe::Field const &f, std::uint64_t value) { put_field(line, f, value); });
    if (e.kind == observe::Kind::process || e.kind == observe::Kind::module_)
        fmt::format_to(std::back_inserter(line), " name={}", file.text_behind(n, e));
    if (has_result(e.kind))
        put_result(line, e);
    line.push_back('\n');
}

// A name that nobody knows is left out: FILE+OFFSET is what addr2line takes. Of guessed frames the first is none.
void put_stack(Line &line, reports::CallStack const &stack)
{
    auto const &frames { stack.frames };
    for (std::size_t i { 0 }; i < (stack.remark.empty() ? frames.size() : 1); ++i) {
        auto const &f { frames[i] };
        auto const words { f.function.empty() ? fmt::format("{}{}{:#x}", f.module_, f.module_.empty() ? "" : "+", f.offset) : reports::frame_words(f, f.module_) };
        fmt::format_to(std::back_inserter(line), "{:>28}{}\n", " => ", words);
    }
}

void put_head(std::FILE *out, TraceFile const &file)
{
    auto const &h { file.header() };
    auto const began { static_cast<std::time_t>(h.began_realtime / second) };
    std::tm local {};
    char date[64] { "?" };
    if (localtime_r(&began, &local))
        std::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &local);
    fmt::print(out, "# gmem run{}{}\n# began {}, at {}.{:09} of CLOCK_MONOTONIC\n", h.command_bytes ? " -- " : "", file.command(), date, h.began_monotonic / second, h.began_monotonic % second);
    fmt::print(out, "#           TASK-PID     [THREAD] TIME: EVENT: FIELDS\n");
}

} // namespace

TraceGaps write_trace_as_text(TraceFile const &file, std::FILE *out, bool with_stacks)
{
    put_head(out, file);
    TraceTasks tasks;
    TraceStacks stacks { file };
    TraceGaps gaps { .forgotten = raw(file.reader().first()), .dropped = file.header().dropped.load() };
    Line line;
    gaps.unfinished = file.reader().for_each([&](observe::EventNo n, observe::Event const &e) {
        ++gaps.events;
        tasks.meet(file, n, e);
        if (with_stacks)
            stacks.meet(n, e);
        if (e.kind == observe::Kind::stack) // told behind the events that have it
            return;
        line.clear();
        put_event(line, file, tasks, n, e);
        if (auto const *const stack { with_stacks ? stacks.of(e) : nullptr })
            put_stack(line, *stack);
        std::fwrite(line.data(), 1, line.size(), out);
    });
    return gaps;
}

} // namespace gmem::cli
