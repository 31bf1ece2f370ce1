// A World with several living processes: what each of them does and sees, judged by the same model. State belongs to the inode (4.1).

#include "tests/generated/cells.hpp"
#include "tests/generated/compare.hpp"
#include "tests/generated/world.hpp"

#include "spec/access.hpp"
#include "spec/pins.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <sys/types.h>
#include <unistd.h>

namespace gmem::generated {
namespace {

using enum Question::What;

std::string who(unsigned place) { return "process " + std::to_string(place + 1) + ": "; }

std::uint64_t number_of(char const *address) { return reinterpret_cast<std::uintptr_t>(address); }

} // namespace

Handle World::handle_in(Peer const &p, File const &f) const
{
    for (auto const &[file, handle] : p.handles)
        if (file == &f)
            return handle;
    return -1;
}

bool World::held_by_a_peer(File const &f) const
{
    return std::ranges::any_of(peers_, [&f](Peer const &p) {
        return std::ranges::any_of(p.handles, [&f](auto const &h) { return h.first == &f; }) || std::ranges::any_of(p.windows, [&f](auto const &w) { return w.file == &f; });
    });
}

void World::forget(Peer &p)
{
    for (auto const &pin : pins_)
        if (pin.peer == p.place)
            (void)release(pin, 0);
    std::erase_if(pins_, [&p](HeldPages const &x) { return x.peer == p.place; });
    peers_.erase(peers_.begin() + (&p - peers_.data()));
    for (std::size_t i { files_.size() }; i-- > 0;)
        bury(*files_[i]);
}

void World::end_all_peers()
{
    for (auto const &p : peers_) {
        kill(p.pid, SIGKILL);
        dying_.push_back(p.pid);
    }
    for (auto const pid : dying_)
        Peers::wait_for_end(pid);
    dying_.clear();
    std::erase_if(pins_, [](HeldPages const &x) { return x.peer.has_value(); });
    peers_.clear();
}

spec::Complaint World::act(Fork const &op)
{
    if (!subject_.features().peers || peers_.size() >= Peers::most)
        return std::nullopt;
    for (auto const pid : dying_) // whose place may be given to the new one
        Peers::wait_for_end(pid);
    dying_.clear();
    unsigned place { 0 };
    while (std::ranges::any_of(peers_, [place](Peer const &p) { return p.place == place; }))
        ++place;
    auto const *const parent { op.from == 0 ? nullptr : peer(op.from - 1) };
    Peer child { place, 0, {}, {} };
    if (parent) {
        auto const *const answer { Peers::ask(parent->place, parent->pid, { .what = fork, .value = place }) };
        if (!answer || answer->handle < 0)
            return who(parent->place) + "did not fork";
        child.pid = static_cast<pid_t>(answer->handle);
        child.windows = parent->windows;
        child.handles = parent->handles;
    } else {
        std::vector<Handle> pins;
        for (auto const &p : pins_)
            if (!p.peer)
                pins.push_back(p.handle);
        child.pid = Peers::fork_from_driver(subject_, place, pins);
        if (child.pid < 0)
            return "fork: errno " + std::to_string(-child.pid);
        child.windows = windows_;
        for (auto const &f : files_)
            for (auto const h : f->handles)
                child.handles.emplace_back(f.get(), h);
    }
    peers_.push_back(std::move(child));
    return std::nullopt;
}

spec::Complaint World::act(Pass const &op)
{
    auto *const p { peer(op.peer) };
    auto *const f { with_descriptor(op.file) };
    if (!p || !f || p->handles.size() >= 12)
        return std::nullopt;
    auto const fd { subject_.export_file(f->handles.back()) };
    if (fd < 0)
        return "a descriptor to be sent: errno " + std::to_string(-fd);
    bool const sent { Peers::send(p->place, fd) };
    ::close(fd);
    auto const *const answer { sent ? Peers::ask(p->place, p->pid, { .what = import_file }) : nullptr };
    if (!answer || answer->handle < 0)
        return who(p->place) + "the file did not arrive, errno " + (answer ? std::to_string(-answer->handle) : "none");
    p->handles.emplace_back(f, answer->handle);
    return std::nullopt;
}

spec::Complaint World::act(EndPeer const &op)
{
    auto *const p { peer(op.peer) };
    if (!p)
        return std::nullopt;
    auto const how { op.how % 3 };
    if (how == 0 && !Peers::ask(p->place, p->pid, { .what = leave }))
        return who(p->place) + "did not leave";
    if (how != 0)
        kill(p->pid, SIGKILL);
    bool const pinned { std::ranges::any_of(pins_, [p](HeldPages const &x) { return x.peer == p->place; }) };
    if (how == 2 && !pinned) // pins are gone with the process, not with the signal
        dying_.push_back(p->pid);
    else
        Peers::wait_for_end(p->pid);
    forget(*p);
    return std::nullopt;
}

spec::Complaint World::unpin_in_peer(HeldPages const &held)
{
    for (auto const &p : peers_)
        if (p.place == held.peer) {
            auto const *const answer { Peers::ask(p.place, p.pid, { .what = unpin, .file = held.handle, .offset = held.first * page_size, .length = held.pages * page_size }) };
            return answer ? release(held, answer->err) : spec::Complaint { who(p.place) + "died" };
        }
    return "a pin of a process that has gone";
}

// Pages [first, first + pages) of the window.
spec::Complaint World::look(Peer const &p, Window const &w, std::uint64_t first, std::uint64_t pages) const
{
    auto const in_file { w.offset / page_size + first };
    auto *const address { w.address + first * page_size };
    auto const *const answer { Peers::ask(p.place, p.pid, { .what = Question::What::look, .address = number_of(address), .offset = in_file, .length = pages }) };
    if (!answer)
        return who(p.place) + "died while it looked";
    for (std::uint64_t i { 0 }; i < pages; ++i) {
        auto const offset { (in_file + i) * page_size };
        bool const must { spec::access(w.file->model, offset) == spec::AccessOutcome::works };
        if (auto const c { compare_touch(answer->seen[i], must, must ? spec::content(w.file->model, offset) : 0, address + i * page_size + cell_in_page(in_file + i), offset) })
            return who(p.place) + *c;
    }
    return std::nullopt;
}

// Both ends of what was touched, through every window of every process.
spec::Complaint World::peers_look_at(File const &f, std::uint64_t first, std::uint64_t last) const
{
    for (auto const &p : peers_)
        for (auto const &w : p.windows) {
            if (w.file != &f)
                continue;
            auto const begin { std::max(first, w.offset / page_size) };
            auto const end { std::min(last, w.offset / page_size + w.pages) };
            if (begin >= end)
                continue;
            auto const inside { begin - w.offset / page_size };
            auto const some { std::min<std::uint64_t>(end - begin, 4) };
            if (auto const c { look(p, w, inside, some) })
                return c;
            if (end - begin > some)
                if (auto const c { look(p, w, inside + (end - begin) - 1, 1) })
                    return c;
        }
    return std::nullopt;
}

spec::Complaint World::everything_in(Peer const &p) const
{
    constexpr std::uint64_t most_at_once { PeerAnswer::most_looks };
    for (auto const &w : p.windows) {
        auto const step { std::max(most_at_once, w.pages / 8) }; // eight samples of a big one
        for (std::uint64_t at { 0 }; at < w.pages; at += step)
            if (auto const c { look(p, w, at, std::min(most_at_once, w.pages - at)) })
                return c;
    }
    return std::nullopt;
}

spec::Complaint World::act(InPeer const &op)
{
    auto *const p { peer(op.peer) };
    if (!p)
        return std::nullopt;
    switch (op.what % 10) {
    case 0:
    case 1:
    case 2:  return p->windows.empty() ? std::nullopt : access_in(*p, op);
    case 3:  return p->windows.empty() ? std::nullopt : window_in(*p, op);
    default: return p->handles.empty() ? std::nullopt : file_in(*p, op);
    }
}

spec::Complaint World::access_in(Peer &p, InPeer const &op)
{
    auto const &w { p.windows[op.which % p.windows.size()] };
    auto &f { *w.file };
    auto const inside { op.page % w.pages };
    auto const first { w.offset / page_size + inside };
    auto *const address { w.address + inside * page_size };
    bool const open { spec::access(f.model, first * page_size) == spec::AccessOutcome::works };
    switch (op.what % 10) {
    case 0:
        return look(p, w, inside, std::clamp<Number>(op.pages, 1, std::min<Number>(w.pages - inside, PeerAnswer::most_looks)));
    case 1: {
        auto const *const answer { Peers::ask(p.place, p.pid, { .what = write, .address = number_of(address), .value = op.value }) };
        if (!answer)
            return who(p.place) + "died while it wrote";
        if (auto const c { compare_touch(answer->seen[0], open, 0, address + cells[0], first * page_size) })
            return who(p.place) + *c;
        if (open)
            f.model.pages[first].byte = static_cast<std::uint8_t>(op.value);
        return look_at(f, first, first + 1);
    }
    default: {
        auto const handle { handle_in(p, f) };
        if (!subject_.features().pins || handle < 0 || first >= f.model.pages.size() || pins_.size() >= 8)
            return std::nullopt;
        auto const pages { std::clamp<Number>(op.pages, 1, std::min({ subject_.features().longest_pin, w.pages - inside, f.model.pages.size() - first })) };
        auto const *const answer { Peers::ask(p.place, p.pid, { .what = pin, .file = handle, .address = number_of(address), .offset = first * page_size, .length = pages * page_size }) };
        if (!answer)
            return who(p.place) + "died while it pinned";
        if (auto const c { compare(answer->handle < 0 ? static_cast<int>(-answer->handle) : 0, spec::pin(f.model, first, first + pages), "4.1 pin in another process") })
            return c;
        if (answer->handle >= 0) {
            pins_.push_back(held(answer->handle, f, first, pages));
            pins_.back().peer = p.place;
        }
        return std::nullopt;
    }
    }
}

spec::Complaint World::window_in(Peer &p, InPeer const &op)
{
    auto const at { p.windows.begin() + static_cast<std::ptrdiff_t>(op.which % p.windows.size()) };
    auto const whole { *at };
    auto const first { op.value % 4 == 0 ? op.page % whole.pages : 0 };
    auto const pages { first == 0 ? whole.pages : std::clamp<Number>(op.pages, 1, whole.pages - first) };
    auto const *const answer { Peers::ask(p.place, p.pid, { .what = unmap, .address = number_of(whole.address + first * page_size), .length = pages * page_size }) };
    if (!answer || answer->err != 0)
        return who(p.place) + "munmap: errno " + (answer ? std::to_string(answer->err) : "none");
    p.windows.erase(at);
    if (first != 0)
        p.windows.push_back({ whole.file, whole.address, whole.offset, first });
    if (auto const rest { first + pages }; rest < whole.pages)
        p.windows.push_back({ whole.file, whole.address + rest * page_size, whole.offset + rest * page_size, whole.pages - rest });
    bury(*whole.file);
    return std::nullopt;
}

spec::Complaint World::file_in(Peer &p, InPeer const &op)
{
    enum What : Number { to_private = 4, to_shared, punches, maps, closes, killed };
    auto const at { p.handles.begin() + static_cast<std::ptrdiff_t>(op.which % p.handles.size()) };
    auto &f { *at->first };
    auto const handle { at->second };
    auto const all { f.model.pages.size() };
    auto const first { op.page % all };
    auto const size { std::max<Number>(op.pages, 1) * page_size };
    auto const ask { [&](Question const &q) { return Peers::ask(p.place, p.pid, q); } };
    auto const what { static_cast<What>(op.what % 10) };
    switch (what) {
    case to_private:
    case to_shared: {
        spec::ConvertCall const call { first * page_size, size, what == to_private ? spec::attribute_private : 0, 0, {} };
        auto const *const answer { ask({ .what = convert, .file = handle, .offset = call.offset, .length = call.size, .value = call.attributes }) };
        if (!answer)
            return who(p.place) + "died in a conversion";
        auto const seen { answer->outcome };
        bool const legal { spec::convert_argument_errno(f.model, call) == 0 };
        if (auto const c { spec::convert(f.model, call, seen) })
            return who(p.place) + *c + ", seen errno " + std::to_string(seen.err) + (seen.error_offset ? " at " + std::to_string(*seen.error_offset) : "");
        return legal ? look_at(f, first, first + size / page_size) : std::nullopt;
    }
    case punches: {
        spec::FallocateCall const call { spec::keep_size | spec::punch_hole, static_cast<std::int64_t>(first * page_size), static_cast<std::int64_t>(size) };
        auto const *const answer { ask({ .what = fallocate, .file = handle, .offset = first * page_size, .length = size, .value = static_cast<std::uint64_t>(call.mode) }) };
        return answer ? judge_fallocate(f, call, answer->err) : spec::Complaint { who(p.place) + "died in fallocate" };
    }
    case maps: {
        if (p.windows.size() >= 10)
            return std::nullopt;
        auto const offset { op.value % 2 ? first * page_size : 0 };
        auto const length { op.value % 2 ? size : all * page_size };
        auto const *const answer { ask({ .what = map, .file = handle, .offset = offset, .length = length }) };
        if (!answer)
            return who(p.place) + "died in mmap";
        if (auto const c { compare(answer->err, spec::mmap_errno(f.model, { length, true, false }), "4.4 mmap in another process") })
            return c;
        if (answer->err == 0)
            p.windows.push_back({ &f, reinterpret_cast<char *>(answer->address), offset, length / page_size });
        return std::nullopt;
    }
    case closes:
        if (!ask({ .what = Question::What::close, .file = handle }))
            return who(p.place) + "died in close";
        p.handles.erase(at);
        bury(f);
        return std::nullopt;
    case killed:
        return killed_in_conversion(p, f, handle, op);
    }
    return std::nullopt;
}

// It has been done, or nothing has (2.3).
spec::Complaint World::killed_in_conversion(Peer &p, File &f, Handle handle, InPeer const &op)
{
    auto const first { op.page % f.model.pages.size() };
    auto const last { first + std::max<Number>(op.pages, 1) };
    if (f.handles.empty() || last > f.model.pages.size() || !subject_.state(f.handles.front(), 0))
        return std::nullopt; // who would tell which of the two it was?
    auto const to { op.value % 2 ? spec::PageState::private_ : spec::PageState::shared };
    spec::ConvertCall const call { first * page_size, (last - first) * page_size, op.value % 2 ? spec::attribute_private : 0, 0, {} };
    Question question { .what = convert, .file = handle, .offset = call.offset, .length = call.size, .value = call.attributes };
    if (op.value & 2) { // at a named point, if it comes by there
        question.address = 1 + (op.value >> 2);
        (void)Peers::ask(p.place, p.pid, question);
    } else {
        Peers::tell(p.place, question);
    }
    for (auto const begin { std::chrono::steady_clock::now() }; std::chrono::steady_clock::now() - begin < std::chrono::nanoseconds { 500 } * (op.value & 2 ? 0 : op.value);)
        __builtin_ia32_pause();
    kill(p.pid, SIGKILL);
    Peers::wait_for_end(p.pid);
    forget(p);
    if (auto const c { subject_.audit(f.handles.front()) }) // whoever takes the lock next completes what was begun
        return "after a kill in a conversion: " + *c;
    bool done { spec::convert_argument_errno(f.model, call) == 0 };
    for (auto page { first }; page < last; ++page)
        done = done && subject_.state(f.handles.front(), page * page_size) == to;
    if (done)
        if (auto const c { spec::convert(f.model, call, {}) })
            return "after a kill in a conversion: " + *c;
    return look_at(f, first, last);
}

} // namespace gmem::generated
