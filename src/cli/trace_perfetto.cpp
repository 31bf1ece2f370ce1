// A trace as ui.perfetto.dev and chrome://tracing read it (Trace Event Format, JSON): calls on the tracks of their threads, and again on those of the guest_memfds and
// vCPUs that they are about.

#include "cli/trace.hpp"
#include "cli/trace_fields.hpp"

#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace gmem::cli {
namespace {

// Tracks are processes and threads to the format, which wants 32 bits: these numbers are beyond those that Linux gives.
constexpr std::uint32_t first_track { 1u << 23 };

std::string escaped(std::string_view text)
{
    std::string all;
    for (auto const c : text)
        if (c == '"' || c == '\\')
            (all += '\\') += c;
        else
            all += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    return all;
}

class PerfettoWriter final {
public:
    PerfettoWriter(TraceFile const &file, std::FILE *out) noexcept : file_ { file }, out_ { out } {}

    TraceGaps write()
    {
        fmt::print(out_, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"command\":\"{}\"}},\"traceEvents\":[", escaped(file_.command()));
        TraceGaps gaps { .forgotten = raw(file_.reader().first()), .dropped = file_.header().dropped.load() };
        gaps.unfinished = file_.reader().for_each([&](observe::EventNo n, observe::Event const &e) {
            ++gaps.events;
            meet(n, e);
        });
        std::fputs("\n]}\n", out_);
        return gaps;
    }

private:
    void meet(observe::EventNo n, observe::Event const &e)
    {
        tasks_.meet(file_, n, e);
        if (e.kind == observe::Kind::process)
            name("process_name", e.process, 0, fmt::format("{} {}", tasks_.name_of(e.process), e.process));
        if (e.kind == observe::Kind::process || e.kind == observe::Kind::module_ || e.kind == observe::Kind::stack)
            return;
        put(e, e.process, e.thread);
        if (e.file != 0) {
            put(e, track({ 0, e.file }, [&] { return fmt::format("guest_memfd {}", e.file); }), e.thread);
        }
        if (e.kind == observe::Kind::memory_fault || e.kind == observe::Kind::hypercall)
            put_exit(e);
    }

    void put_exit(observe::Event const &e)
    {
        bool const fault { e.kind == observe::Kind::memory_fault };
        auto const vm { fault ? e.more[3] : e.value };
        auto const vcpu { fault ? e.more[4] : e.more[5] };
        auto const of_vm { track({ e.process, vm }, [&] { return fmt::format("VM {} of {} {}", vm, tasks_.name_of(e.process), e.process); }) };
        if (vcpus_.emplace(of_vm, vcpu).second)
            name("thread_name", of_vm, vcpu + 1, fmt::format("vCPU {}", vcpu));
        put(e, of_vm, vcpu + 1);
    }

    // Of a file (process 0) or a VM, which are known by number in their process only.
    using Owner = std::pair<std::uint32_t, std::uint64_t>;
    template <typename Name>
    std::uint32_t track(Owner const &owner, Name &&name_it)
    {
        auto const [at, is_new] { tracks_.emplace(owner, first_track + static_cast<std::uint32_t>(tracks_.size())) };
        if (is_new)
            name("process_name", at->second, 0, name_it());
        return at->second;
    }

    void name(std::string_view what, std::uint64_t process, std::uint64_t thread, std::string const &is)
    {
        line_.clear();
        fmt::format_to(std::back_inserter(line_), "{}{{\"name\":\"{}\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":\"{}\"}}}}", separator(), what, process, thread, escaped(is));
        flush();
    }

    // Microseconds, with as many digits as there are nanoseconds.
    void put(observe::Event const &e, std::uint64_t process, std::uint64_t thread)
    {
        line_.clear();
        auto const to { std::back_inserter(line_) };
        fmt::format_to(to, "{}{{\"name\":\"{}\",\"cat\":\"gmem\",\"pid\":{},\"tid\":{},\"ts\":{}.{:03}", separator(), title(e), process, thread, e.time / 1000, e.time % 1000);
        if (e.duration != 0)
            fmt::format_to(to, ",\"ph\":\"X\",\"dur\":{}.{:03}", e.duration / 1000, e.duration % 1000);
        else
            fmt::format_to(to, ",\"ph\":\"i\",\"s\":\"t\"");
        fmt::format_to(to, ",\"args\":{{\"result\":{}", e.result);
        for_each_field(e, [&](observe::Field const &f, std::uint64_t value) {
            if (auto const word { word_for(f, value) }; !word.empty())
                fmt::format_to(to, ",\"{}\":\"{}\"", f.name, word);
            else if (f.form == observe::Form::hexadecimal)
                fmt::format_to(to, ",\"{}\":\"{:#x}\"", f.name, value);
            else
                fmt::format_to(to, ",\"{}\":{}", f.name, value);
        });
        fmt::format_to(to, "}}}}");
        flush();
    }

    // What is most looked for is said without a click.
    static std::string_view title(observe::Event const &e)
    {
        if (e.kind != observe::Kind::convert)
            return observe::words_of(e.kind).name;
        if (e.result < 0)
            return e.detail ? "to private refused" : "to shared refused";
        return e.detail ? "to private" : "to shared";
    }

    std::string_view separator()
    {
        bool const first { first_ };
        first_ = false;
        return first ? "\n" : ",\n";
    }
    void flush() { std::fwrite(line_.data(), 1, line_.size(), out_); }

    TraceFile const &file_;
    std::FILE *out_;
    TraceTasks tasks_ {};
    std::map<Owner, std::uint32_t> tracks_ {};
    std::set<std::pair<std::uint32_t, std::uint64_t>> vcpus_ {}; // that have a name
    fmt::memory_buffer line_ {};
    bool first_ { true };
};

} // namespace

TraceGaps write_trace_for_perfetto(TraceFile const &file, std::FILE *out) { return PerfettoWriter { file, out }.write(); }

} // namespace gmem::cli
