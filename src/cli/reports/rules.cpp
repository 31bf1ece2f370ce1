#include "cli/reports/rules.hpp"

#include "base/result.hpp"
#include "cli/reports/words.hpp"

#include <fmt/format.h>

namespace gmem::cli::reports {
namespace {

using observe::Event;

constexpr std::uint64_t page { 4096 };
constexpr std::uint16_t place_private { 0 };           // observe::word::places
constexpr std::uint64_t flag_mmap { 1 };               // GUEST_MEMFD_FLAG_MMAP
constexpr std::uint64_t tracked_by_files { 0 };        // observe::word::trackers
constexpr std::size_t most_ranges { 1 << 16 };

// Does the step take the page's own bytes? Firmware fills the other kinds of pages.
bool measures(Event const &e)
{
    using Step = observe::LaunchStep;
    constexpr std::uint64_t normal { 1 }; // KVM_SEV_SNP_PAGE_TYPE_NORMAL
    auto const step { static_cast<Step>(e.detail) };
    return step == Step::tdx_init_mem_region || step == Step::realm_populate || (step == Step::snp_update && e.more[2] == normal);
}

bool is(Event const &e, Why why) { return e.result < 0 && e.more[3] == static_cast<std::uint64_t>(why); }

} // namespace

// What may be explained by an event that another thread is just writing, or be taken back by the thread that tries again, waits for settle().
void Rules::see(observe::EventNo n, Event const &e)
{
    Past const p { e, processes_.stack_of(e) };
    history_.see(p);
    switch (e.kind) {
    case observe::Kind::access:
    case observe::Kind::kernel_access:
    case observe::Kind::host_access:
        if (wanted(e))
            pending_.push_back({ n, p, scene(e, e.offset), cause_of(e) });
        break;
    case observe::Kind::convert:
        if (e.result == 0)
            changed(p);
        else if (wanted(e))
            pending_.push_back({ n, p, scene(e, e.at), cause_of(e) });
        break;
    case observe::Kind::bind:   bound(p); break;
    case observe::Kind::launch: launched(p); break;
    default:                    break;
    }
}

bool Rules::wanted(Event const &e) const
{
    switch (e.kind) {
    case observe::Kind::access:        return e.value == place_private && (wishes_.handled || e.more[3] == 0);
    case observe::Kind::kernel_access: return e.value == place_private;
    case observe::Kind::convert:       return is(e, Why::page_in_use) || is(e, Why::platform_refused);
    default:                           return true;
    }
}

void Rules::settle(observe::LogReader const &log)
{
    auto now { std::move(pending_) };
    pending_.clear();
    for (auto &p : now) {
        auto const overwritten { raw(p.number) < raw(log.first()) };
        if (!overwritten && !log.at(p.number))
            continue;
        if (!p.cause)
            p.cause = cause_of(p.what.event);
        judge(p);
    }
}

std::optional<Past> Rules::cause_of(Event const &e) const
{
    auto const &file { history_.file(e.file) };
    auto const *const cause { e.kind == observe::Kind::convert ? file.pin_in(e.at, e.at + page) : file.is_private(e.offset) ? file.origin(e.offset) : nullptr };
    return cause ? std::optional { *cause } : std::nullopt;
}

void Rules::judge(Pending const &p)
{
    switch (p.what.event.kind) {
    case observe::Kind::convert:     return refused(p);
    case observe::Kind::host_access: return host_accessed(p);
    default:                         return access(p);
    }
}

bool Rules::again(Kind k, Past const &p)
{
    auto const known { p.stack == no_stack ? told_.end() : told_.find({ k, p.stack }) };
    if (known == told_.end())
        return false;
    repeat_(known->second);
    return true;
}

void Rules::tell(Past const &p, Report const &r)
{
    auto const which { new_(r) };
    if (p.stack != no_stack)
        told_[{ r.kind, p.stack }] = which;
}

void Rules::access(Pending const &pending)
{
    auto const &p { pending.what };
    auto const &e { p.event };
    bool const by_kernel { e.kind == observe::Kind::kernel_access }, handled { !by_kernel && e.more[3] != 0 };
    if (again(by_kernel ? Kind::private_syscall : Kind::private_access, p))
        return;
    bool const waits { !by_kernel && !handled };
    auto const what { by_kernel ? std::nullopt : processes_.access_of(e, p.stack, waits) };
    auto const how { by_kernel ? "was told EFAULT by a system call on" : access_words(e.detail != 0, what ? what->bytes : 0) };
    auto r { begin(by_kernel ? Kind::private_syscall : Kind::private_access, p, fmt::format("{} {} a private page{}", who(e), how, handled ? " (and handled SIGBUS)" : "")) };
    if (!by_kernel) {
        r.facts.push_back({ "write", e.detail });
        r.facts.push_back({ "handled", e.more[3] });
    }
    r.facts.push_back({ "hva", e.more[0] });
    r.details.push_back(fmt::format("at {:#x}", e.more[0]));
    if (what)
        add_access(r, *what, e.more[0]);
    add_place(r, e, pending.scene);
    r.stacks.push_back(processes_.resolve(p.stack, by_kernel ? Innermost::calling : Innermost::executing, waits, ""));
    add_origin(r, e, pending.cause);
    add_history(r, e, pending.scene);
    tell(p, r);
}

void Rules::refused(Pending const &pending)
{
    auto const &[number, p, scene, pin] { pending };
    auto const &e { p.event };
    if (is(e, Why::platform_refused))
        return platform_refused(pending);
    if (!pin || again(Kind::pinned_conversion, p))
        return;
    auto r { begin(Kind::pinned_conversion, p, fmt::format("{} could not make {} private: a page is pinned", who(e), range_of(e))) };
    add_place(r, e, scene);
    r.details.push_back(fmt::format("the pin: {} on {}, by {}, held for {}", pin_name(pin->event.detail), range_of(pin->event), who(pin->event), duration_words(e.time > pin->event.time ? e.time - pin->event.time : 0)));
    r.facts.push_back({ "error", static_cast<std::uint64_t>(-e.result) });
    r.facts.push_back({ "pin_offset", pin->event.offset });
    r.facts.push_back({ "pin_size", pin->event.size });
    r.facts.push_back({ "pin_process", pin->event.process });
    r.stacks.push_back(processes_.resolve(p.stack, Innermost::calling, false, ""));
    r.stacks.push_back(processes_.resolve(pin->stack, Innermost::calling, false, "It was pinned here"));
    add_history(r, e, scene);
    tell(p, r);
}

void Rules::platform_refused(Pending const &pending)
{
    auto const &p { pending.what };
    auto const &e { p.event };
    if (again(Kind::platform_refusal, p))
        return;
    auto r { begin(Kind::platform_refusal, p, fmt::format("{} could not make {} {}: the platform refuses with {}", who(e), range_of(e), e.detail ? "private" : "shared", error_name(-e.result))) };
    r.facts.push_back({ "error", static_cast<std::uint64_t>(-e.result) });
    add_place(r, e, pending.scene);
    if (auto const *const made { history_.file(e.file).creation() })
        r.details.push_back(fmt::format("the platform: {}", platform_name(made->more[2])));
    r.stacks.push_back(processes_.resolve(p.stack, Innermost::calling, false, ""));
    add_history(r, e, pending.scene);
    tell(p, r);
}

void Rules::changed(Past const &p)
{
    auto const &e { p.event };
    if (changes_.size() >= most_ranges)
        changes_.clear();
    auto &times { changes_[{ e.file, e.offset }] };
    times.push_back(e.time);
    while (times.size() > ping_pong_changes || e.time - times.front() > ping_pong_nanoseconds)
        times.pop_front();
    if (times.size() < ping_pong_changes)
        return;
    auto const took { e.time - times.front() };
    times.clear();
    if (again(Kind::ping_pong, p))
        return;
    auto r { begin(Kind::ping_pong, p, fmt::format("{} converted {} for the {}th time within {}", who(e), range_of(e), ping_pong_changes, duration_words(took))) };
    add_place(r, e, scene(e, e.offset));
    r.facts.push_back({ "changes", ping_pong_changes });
    r.facts.push_back({ "nanoseconds", took });
    r.stacks.push_back(processes_.resolve(p.stack, Innermost::calling, false, ""));
    tell(p, r);
}

void Rules::bound(Past const &p)
{
    auto const &e { p.event };
    auto const *const file { history_.file(e.file).creation() };
    auto const address { e.more[4] };
    if (e.result < 0 || !complete_ || !file || !(file->more[0] & flag_mmap) || file->more[5] != tracked_by_files || address == 0 || history_.shows(e.process, address, e.file, e.offset))
        return;
    auto r { begin(Kind::foreign_userspace_addr, p, fmt::format("{} made memslot {} with a userspace_addr that does not show the guest_memfd's bytes", who(e), e.more[0] & 0xffff)) };
    r.details.push_back(fmt::format("userspace_addr {:#x}; guest_memfd {}, {}", address, e.file, range_of(e)));
    r.facts.push_back({ "userspace_addr", address });
    add_place(r, e, scene(e, e.offset));
    r.stacks.push_back(processes_.resolve(p.stack, Innermost::calling, false, ""));
    tell(p, r);
}

void Rules::launched(Past const &p)
{
    auto const &e { p.event };
    auto const untouched { e.more[4] };
    if (untouched == 0 || !measures(e) || again(Kind::unwritten_measured, p))
        return;
    auto r { begin(Kind::unwritten_measured, p, fmt::format("{} launched {} with {} that nobody ever wrote", who(e), range_of(e), untouched == 1 ? "a page" : fmt::format("{} pages", untouched))) };
    r.facts.push_back({ "never_written", untouched });
    add_place(r, e, scene(e, e.offset));
    r.stacks.push_back(processes_.resolve(p.stack, Innermost::calling, false, ""));
    add_history(r, e, scene(e, e.offset));
    tell(p, r);
}

void Rules::host_accessed(Pending const &pending)
{
    auto const &p { pending.what };
    auto const &e { p.event };
    if (again(Kind::host_kernel_access, p))
        return;
    auto r { begin(Kind::host_kernel_access, p, fmt::format("{}: {}: the host {} page {} of guest_memfd {}", who(e), consequence_words(e.value), e.detail ? "writes to" : "reads", e.offset / page, e.file)) };
    r.facts.push_back({ "consequence", e.value });
    r.facts.push_back({ "write", e.detail });
    add_place(r, e, pending.scene);
    r.stacks.push_back(processes_.resolve(p.stack, Innermost::calling, false, ""));
    add_origin(r, e, pending.cause);
    add_history(r, e, pending.scene);
    tell(p, r);
}

void Rules::at_exit()
{
    for (auto const &[inode, file] : history_.files())
        for (auto const &pin : file.pins()) {
            if (pin.event.process != processes_.main())
                continue;
            auto r { begin(Kind::pinned_at_exit, pin, fmt::format("{} has ended with {} pinned: {}", who(pin.event), range_of(pin.event), pin_name(pin.event.detail))) };
            add_place(r, pin.event, scene(pin.event, pin.event.offset));
            r.stacks.push_back(processes_.resolve(pin.stack, Innermost::calling, false, "It was pinned here"));
            tell(pin, r);
        }
}

} // namespace gmem::cli::reports
