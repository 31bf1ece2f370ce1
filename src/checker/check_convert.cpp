// KVM_SET_MEMORY_ATTRIBUTES2: the specification is asked in every world that agrees with what is known; one that allows what was seen is enough.

#include "base/result.hpp"
#include "checker/possible.hpp"
#include "checker/slice.hpp"
#include "spec/convert.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>

namespace gmem::checker {
namespace {

using observe::Event;
using observe::Kind;

spec::ConvertCall call_of(Event const &e)
{
    spec::ConvertCall call { .offset = e.offset, .size = e.size, .attributes = e.more[4] | (e.detail ? spec::attribute_private : 0), .flags = e.more[0] };
    call.reserved[0] = e.more[5];
    // Where nothing was written back it is still what the program had there.
    call.error_offset = e.result == -EINVAL ? e.at : 0;
    return call;
}

bool names_a_place(int err) { return err == EAGAIN || err == ENOMEM || err == EOPNOTSUPP; }

spec::Outcome outcome_of(Moment const &m)
{
    auto const at { m.event().at };
    bool const written { names_a_place(m.err()) || (m.err() == 0 && at != 0) };
    return { m.err(), written ? std::optional { at } : std::nullopt };
}

// A process that did not answer, or a fault that was asked for: noted by the thread while it was at it.
bool has_excuse(World const &w, Moment const &m)
{
    auto const noted { w.excuses.find(thread_of(m.event())) };
    return (noted != w.excuses.end() && noted->second == m.event().file)
        || std::any_of(m.at_once.others.begin(), m.at_once.others.end(), [](Ordered const *o) { return o->step->event.kind == Kind::silent_peer || o->step->event.kind == Kind::injected; });
}

// 3.1: EAGAIN without a pin. In a trace that knows all pins another reason must be there too: somebody who was at the same file, or an excuse.
spec::Transient transient(World const &w, Moment const &m)
{
    bool const others { std::any_of(m.at_once.others.begin(), m.at_once.others.end(), [&](Ordered const *o) { return o->step->event.thread != m.event().thread; }) };
    return !w.facts.all_pins || others || m.at_once.too_many || has_excuse(w, m) ? spec::Transient::possible : spec::Transient::excluded;
}

// What the specification of the file does not say: firmware may refuse (platform-models.md), and who does not get the lock does not see what is there.
bool refused_elsewhere(World const &w, Moment const &m, FileModel const &file)
{
    auto const &e { m.event() };
    bool const by_platform { e.more[3] == static_cast<std::uint64_t>(Why::platform_refused) && file.platform.value_or(spec::Platform::sw_protected) != spec::Platform::sw_protected };
    return m.err() != 0 && e.at == e.offset && (by_platform || (names_a_place(m.err()) && has_excuse(w, m)));
}

// The specification counts the pages of the slice; who reads it wants the file's.
std::string in_file(std::string sentence, Slice const &slice)
{
    for (std::string_view const before : { "page ", "page, " })
        if (auto const at { sentence.find(before) }; at != std::string::npos)
            if (auto const number { at + before.size() }; number < sentence.size() && std::isdigit(static_cast<unsigned char>(sentence[number]))) {
                std::size_t digits { 0 };
                auto const piece { std::stoull(sentence.substr(number), &digits) };
                return sentence.replace(number, digits, std::to_string(slice.page_in_file(piece)));
            }
    return sentence;
}

std::string_view name_of(spec::Touch t) { return observe::word::effects[static_cast<std::size_t>(t)]; }

// 2.6: what the conversion did to bytes. Who finishes what another process was killed at does not know which mode had been asked for.
spec::Complaint compare_effect(World const &w, Moment const &m, spec::File const &before, spec::ConvertCall call)
{
    auto const &e { m.event() };
    if (!w.facts.all_effects && e.more[2] == 0)
        return std::nullopt;
    bool const any_mode { e.value != 0 };
    auto const must { spec::touched(before, call) };
    for (std::uint64_t flags { 0 }; any_mode && flags <= 2; ++flags)
        if (call.flags = flags; spec::mode_of(before.vm.profile, flags) && e.more[2] == static_cast<std::uint64_t>(spec::touched(before, call)))
            return std::nullopt;
    if (e.more[2] != static_cast<std::uint64_t>(must))
        return fmt::format("2.6: its effect on the bytes must be \"{}\"", name_of(must));
    return std::nullopt;
}

// In one world.
spec::Complaint compare(World const &w, Moment const &m, Possible const &world, std::optional<Slice> const &slice, Slice::Assume assume, spec::ConvertCall call, spec::Outcome seen)
{
    if (auto const must { spec::convert_argument_errno(world.vm, world.size, call) }; must != 0) {
        if (seen.err != must)
            return "2.2 (2)-(10): the arguments decide: errno must be " + errno_name(must);
        return std::nullopt;
    }
    if (!slice)
        return "2.2 (10): the range wraps";
    auto file { slice->file(world.vm, assume) };
    if (seen.error_offset)
        seen.error_offset = slice->to_slice(*seen.error_offset);
    call.offset = 0;
    call.size = slice->size();
    auto const before { file };
    auto complaint { spec::convert(file, call, seen, transient(w, m)) };
    if (!complaint && seen.err == 0)
        complaint = compare_effect(w, m, before, call);
    return complaint ? in_file(*complaint, *slice) : complaint;
}

void done(World &w, Moment const &m)
{
    auto &file { w.file(m.event().file) };
    auto const to { m.event().detail ? Known::private_ : Known::shared };
    auto const [first, last] { pages_of(m.event()) };
    file.private_memory = true;
    w.facts.in_place = true;
    file.at_least = std::max(file.at_least, last * page_size);
    file.pages.set(first, last, to);
    if (m.at_once.too_many)
        file.pages.set(first, last, Known::unknown);
    for (auto const *o : m.at_once.others)
        if (disturbed({ { o }, false }, first, last, to)) {
            auto const there { o->step->arguments_known ? pages_of(o->step->event) : Pages { first, last } };
            file.pages.set(std::max(first, there.first), std::min(last, there.last), Known::unknown);
        }
}

} // namespace

spec::Complaint check_convert(World &w, Moment const &m)
{
    auto const &e { m.event() };
    auto &file { w.file(e.file) };
    file.launch = w.launches.during(file.vm, e.file, m.now);
    if (m.err() != 0 && e.more[2] != 0)
        return "2.3: a conversion that fails leaves the bytes as they are";
    if (m.err() == EFAULT)
        return std::nullopt; // 2.2 (3), or the way back: nothing has changed
    if (!m.now.step->arguments_known) {
        constexpr std::array possible { 0, EINVAL, EAGAIN, ENOMEM, ENOTTY, EOPNOTSUPP };
        if (std::find(possible.begin(), possible.end(), m.err()) == possible.end())
            return "2.2: a conversion has no such errno as " + errno_name(m.err());
        if (m.err() == 0)
            file.pages = PageMap {};
        return std::nullopt;
    }
    if (w.facts.profile == spec::Profile::feb && e.more[0] == 0 && m.err() == EINVAL)
        return std::nullopt; // platform-models.md 7.6 (4): whether no flags are EINVAL is that version's own quarrel
    auto const call { call_of(e) };
    auto const seen { outcome_of(m) };
    auto const pages { pages_of(e) };
    std::optional<Slice> slice;
    if (e.size != 0 && e.offset <= never - e.size)
        slice.emplace(w, m, pages, e.at / page_size);

    auto const to { e.detail ? spec::PageState::private_ : spec::PageState::shared };
    auto const other { e.detail ? spec::PageState::shared : spec::PageState::private_ };
    spec::Complaint first;
    if (refused_elsewhere(w, m, file))
        return std::nullopt;
    for (auto const &world : possible_worlds(file, w.facts))
        for (auto const unknown : { other, to })
            for (bool const perhaps : { false, true }) {
                if ((unknown == to && !(slice && slice->has_unknown())) || (perhaps && !(slice && slice->has_perhaps())))
                    continue;
                auto complaint { compare(w, m, world, slice, { unknown, perhaps }, call, seen) };
                if (!complaint) {
                    if (m.err() == 0)
                        done(w, m);
                    if (m.err() == ENOTTY)
                        w.facts.in_place = false;
                    return std::nullopt;
                }
                if (!first)
                    first = std::move(complaint);
            }
    return first;
}

} // namespace gmem::checker
