// What several kinds of reports say in the same way.

#include "cli/reports/rules.hpp"
#include "cli/reports/words.hpp"

#include <fmt/format.h>

namespace gmem::cli::reports {

std::string Rules::who(observe::Event const &e) const
{
    auto const name { processes_.name_of(e.process) };
    auto const thread { e.thread == e.process ? "" : fmt::format("thread {} of ", e.thread) };
    return fmt::format("{}process {}{}", thread, e.process, name.empty() ? "" : fmt::format(" ({})", name));
}

Report Rules::begin(Kind k, Past const &p, std::string headline)
{
    auto const &e { p.event };
    Report r;
    r.kind = k;
    r.time = e.time;
    r.process = e.process;
    r.thread = e.thread;
    r.headline = std::move(headline);
    if (p.stack == no_stack) // then the place has to tell
        r.identity = fmt::format("{} {} {}", e.process, e.file, e.offset);
    return r;
}

// The detail that says where is there already: it goes on.
void Rules::add_access(Report &r, MemoryAccess const &a, std::uint64_t hva)
{
    r.facts.push_back({ "access_size", a.bytes });
    if (!a.begin)
        return;
    r.facts.push_back({ "access_begin", *a.begin });
    if (*a.begin != hva)
        r.details.back() += fmt::format(", {} byte{} into an access of {} that begins at {:#x}", hva - *a.begin, hva - *a.begin == 1 ? "" : "s", a.bytes, *a.begin);
}

Rules::Scene Rules::scene(observe::Event const &e, std::uint64_t offset) const
{
    constexpr std::size_t most { 8 };
    auto const &file { history_.file(e.file) };
    auto const *const slot { file.slot_of(offset) };
    return { offset, slot ? std::optional { *slot } : std::nullopt, file.latest(offset, most) };
}

void Rules::add_place(Report &r, observe::Event const &e, Scene const &s)
{
    auto const offset { s.offset }, page { offset / 4096 };
    auto words { fmt::format("byte {:#x} of guest_memfd {} (page {})", offset, e.file, page) };
    r.facts.push_back({ "file", e.file });
    r.facts.push_back({ "offset", offset });
    r.facts.push_back({ "page", page });
    if (auto const &slot { s.slot }) {
        auto const gpa { slot->more[2] + (offset - slot->offset) };
        words += fmt::format(", guest physical address {:#x} in memslot {}", gpa, slot->more[0] & 0xffff);
        r.facts.push_back({ "gpa", gpa });
        r.facts.push_back({ "slot", slot->more[0] & 0xffff });
    } else {
        words += ", in no memslot";
    }
    r.details.push_back(std::move(words));
}

void Rules::add_origin(Report &r, observe::Event const &e, std::optional<Past> const &origin)
{
    if (!origin) {
        CallStack unknown;
        unknown.title = "Who made the page private is not known: the session remembers only the latest events";
        r.stacks.push_back(std::move(unknown));
        return;
    }
    auto const &o { origin->event };
    auto const since { e.time > o.time ? e.time - o.time : 0 };
    r.facts.push_back({ "private_for_nanoseconds", since });
    auto title { o.kind == observe::Kind::create ? fmt::format("The page is private since the guest_memfd was created, {} before, by {}", duration_words(since), who(o))
                                                 : fmt::format("The page was made private {} before, by {}, which converted {}", duration_words(since), who(o), range_of(o)) };
    r.stacks.push_back(processes_.resolve(origin->stack, Innermost::calling, false, std::move(title)));
}

void Rules::add_history(Report &r, observe::Event const &e, Scene const &s)
{
    for (auto const &past : s.history)
        r.history.push_back(fmt::format("{:>12} before  [{}/{}] {}", duration_words(e.time > past.time ? e.time - past.time : 0), past.process, past.thread, event_words(past)));
}

} // namespace gmem::cli::reports
