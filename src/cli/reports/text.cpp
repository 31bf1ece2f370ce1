// A report as a person reads it.

#include "cli/reports/report.hpp"

#include <filesystem>
#include <fmt/format.h>

namespace gmem::cli::reports {

std::array<KindText, kinds> const kind_texts { {
    { "private-access", "Convert the page to shared before the host uses it, or keep the host away from it: what is private is the guest's." },
    { "private-syscall", "Hand the kernel shared pages only: convert the page to shared first, or copy through a buffer of the host's." },
    { "pinned-conversion", "Release the pin before the conversion, or retry after EAGAIN when what holds the page has finished." },
    { "platform-refusal", "Ask docs/platforms.md what this platform wants before it lets such a page go." },
    { "unwritten-measured", "Write the page before it is launched; a page that is meant to be zero is better launched as a zero page, where the platform has that." },
    { "pinned-at-exit", "Unpin, unregister or unmap before the program ends: while it ran nobody could make these pages private." },
    { "ping-pong", "Keep the page shared while it is used that often, as a bounce buffer is: each conversion stops and empties caches and tables." },
    { "foreign-userspace-addr", "Pass the address of a mapping of the same guest_memfd at the same offset, so that host and guest mean the same bytes." },
    { "host-kernel-access", "Find who hands this page to the kernel or a device: on the real platform the host, or the guest, would not survive it." },
} };

namespace {

void add_stack(std::string &text, CallStack const &s)
{
    if (!s.title.empty())
        text += fmt::format("  {}\n", s.title);
    for (std::size_t i { 0 }; i < s.frames.size(); ++i) {
        auto const &f { s.frames[i] };
        text += fmt::format("    #{} {}\n", i, frame_words(f, std::filesystem::path { f.module_ }.filename().string()));
    }
    if (!s.remark.empty())
        text += fmt::format("    ({})\n", s.remark);
}

} // namespace

std::string frame_words(CallFrame const &f, std::string const &module_)
{
    auto const place { f.module_.empty() ? fmt::format("{:#x}", f.offset) : fmt::format("{}+{:#x}", module_, f.offset) };
    auto const line { f.file.empty() ? "" : fmt::format(" at {}:{}", f.file, f.line) };
    return fmt::format("{}{} ({})", f.function.empty() ? "??" : f.function, line, f.inlined ? "inlined" : place);
}

std::string as_text(Report const &r)
{
    auto const &words { text_of(r.kind) };
    auto text { fmt::format("gmem: {}: {}\n", words.name, r.headline) };
    for (auto const &d : r.details)
        text += fmt::format("  {}\n", d);
    for (auto const &s : r.stacks)
        add_stack(text, s);
    if (!r.history.empty())
        text += "  What happened to the page:\n";
    for (auto const &h : r.history)
        text += fmt::format("    {}\n", h);
    return text + fmt::format("  What to do: {}\n  More: docs/reports/{}.md\n", words.advice, words.name);
}

} // namespace gmem::cli::reports
