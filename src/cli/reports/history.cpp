#include "cli/reports/history.hpp"

#include <algorithm>

namespace gmem::cli::reports {
namespace {

using observe::Event;

bool overlaps(Event const &e, std::uint64_t begin, std::uint64_t end) { return e.offset < end && begin < e.offset + e.size; }

// Is it part of what a page went through? Not what only shows it, and not what other lists have.
bool tells_of_pages(Event const &e)
{
    switch (e.kind) {
    case observe::Kind::convert:
    case observe::Kind::punch:
    case observe::Kind::allocate:
    case observe::Kind::bind:
    case observe::Kind::unbind:
    case observe::Kind::pin:
    case observe::Kind::unpin:
    case observe::Kind::access:
    case observe::Kind::kernel_access:
    case observe::Kind::host_access:
    case observe::Kind::launch: return true;
    default:                    return false;
    }
}

} // namespace

void FileHistory::see(Past const &p)
{
    auto const &e { p.event };
    if (tells_of_pages(e)) {
        recent_.push_back(e);
        if (recent_.size() > most_recent)
            recent_.pop_front();
    }
    if (e.result < 0)
        return;
    if (e.kind == observe::Kind::create)
        created_ = p;
    else if (e.kind == observe::Kind::convert)
        change(p);
    else if (e.kind == observe::Kind::bind)
        slots_.push_back(e);
    else if (e.kind == observe::Kind::unbind)
        std::erase_if(slots_, [&e](Event const &s) { return s.more[0] == e.more[0] && s.more[3] == e.more[3] && s.process == e.process; });
    else if (e.kind == observe::Kind::pin && pins_.size() < most_pins)
        pins_.push_back(p);
    else if (e.kind == observe::Kind::unpin)
        unpin(e);
    else if (e.kind == observe::Kind::punch) // a page that is gone is not the pinned one any more
        std::erase_if(pins_, [&e](Past const &pin) { return e.offset <= pin.event.offset && pin.event.offset + pin.event.size <= e.offset + e.size; });
}

void FileHistory::change(Past const &p)
{
    auto const begin { p.event.offset }, end { begin + p.event.size };
    if (changes_.size() >= most_changes) {
        changes_.clear();
        forgot_ = true;
    }
    for (auto at { changes_.lower_bound(begin) }; at != changes_.end() && at->first < end;) {
        if (at->second.end > end)
            changes_.emplace(end, at->second);
        at = changes_.erase(at);
    }
    if (auto after { changes_.lower_bound(begin) }; after != changes_.begin())
        if (auto const before { std::prev(after) }; before->second.end > begin) {
            if (before->second.end > end)
                changes_.emplace(end, before->second);
            before->second.end = begin;
        }
    changes_[begin] = { end, p };
}

void FileHistory::unpin(Event const &e)
{
    auto const same { [&e](Past const &p) {
        return p.event.process == e.process && p.event.detail == e.detail && p.event.more[0] == e.more[0] && (e.size == 0 || (p.event.offset == e.offset && p.event.size == e.size));
    } };
    if (e.size == 0)
        std::erase_if(pins_, same);
    else if (auto const it { std::find_if(pins_.begin(), pins_.end(), same) }; it != pins_.end())
        pins_.erase(it);
}

Past const *FileHistory::origin(std::uint64_t offset) const
{
    auto const after { changes_.upper_bound(offset) };
    if (after != changes_.begin() && offset < std::prev(after)->second.end)
        return &std::prev(after)->second.what;
    return !forgot_ && created_ ? &*created_ : nullptr;
}

bool FileHistory::is_private(std::uint64_t offset) const
{
    auto const *const o { origin(offset) };
    return o && o->event.detail == 1;
}

Event const *FileHistory::slot_of(std::uint64_t offset) const
{
    auto const it { std::find_if(slots_.rbegin(), slots_.rend(), [offset](Event const &s) { return overlaps(s, offset, offset + 1); }) };
    return it == slots_.rend() ? nullptr : &*it;
}

Past const *FileHistory::pin_in(std::uint64_t begin, std::uint64_t end) const
{
    auto const it { std::find_if(pins_.begin(), pins_.end(), [begin, end](Past const &p) { return overlaps(p.event, begin, end); }) };
    return it == pins_.end() ? nullptr : &*it;
}

std::vector<Event> FileHistory::latest(std::uint64_t offset, std::size_t most) const
{
    std::vector<Event> result;
    for (auto at { recent_.rbegin() }; at != recent_.rend() && result.size() < most; ++at)
        if (overlaps(*at, offset, offset + 1))
            result.push_back(*at);
    std::reverse(result.begin(), result.end());
    return result;
}

void History::see(Past const &p)
{
    auto const &e { p.event };
    if (e.kind == observe::Kind::map || e.kind == observe::Kind::unmap || e.kind == observe::Kind::process)
        see_window(e);
    else if (e.file != 0)
        files_[e.file].see(p);
}

FileHistory const &History::file(std::uint64_t inode) const
{
    static FileHistory const unknown;
    auto const found { files_.find(inode) };
    return found == files_.end() ? unknown : found->second;
}

void History::see_window(Event const &e)
{
    if (e.kind == observe::Kind::process) {
        std::vector<WindowSeen> inherited;
        if (e.detail != 0) // forked
            inherited = windows_[static_cast<std::uint32_t>(e.more[0])];
        windows_[e.process] = std::move(inherited);
        return;
    }
    if (e.more[0] == 0 || e.result < 0)
        return;
    auto const begin { e.more[0] }, end { begin + e.size };
    auto &windows { windows_[e.process] };
    for (std::size_t i { 0 }; i < windows.size(); ++i) { // what is left of those that were there
        auto w { windows[i] };
        if (w.end <= begin || end <= w.begin)
            continue;
        windows[i].end = std::max(w.begin, begin);
        if (w.end > end)
            windows.push_back({ end, w.end, w.file, w.offset + (end - w.begin) });
    }
    std::erase_if(windows, [](WindowSeen const &w) { return w.end <= w.begin; });
    if (e.kind == observe::Kind::map)
        windows.push_back({ begin, end, e.file, e.offset });
}

bool History::shows(std::uint32_t process, std::uint64_t address, std::uint64_t file, std::uint64_t offset) const
{
    auto const found { windows_.find(process) };
    if (found == windows_.end())
        return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](WindowSeen const &w) { return w.file == file && w.begin <= address && address < w.end && w.offset + (address - w.begin) == offset; });
}

} // namespace gmem::cli::reports
