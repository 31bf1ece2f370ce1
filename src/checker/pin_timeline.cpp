#include "checker/pin_timeline.hpp"

#include "base/units.hpp"

#include <algorithm>

namespace gmem::checker {
namespace {

using observe::Event;
using observe::Kind;

struct Name final {
    std::uint64_t file, process, kind, token, offset, size;

    friend auto operator<=>(Name const &, Name const &) = default;
};

// Sorted by file and process first.
Name name_of(Event const &e) { return { e.file, e.process, e.detail, e.more[0], e.offset, e.size }; }

} // namespace

class PinTimeline::Builder final {
public:
    explicit Builder(std::unordered_map<std::uint64_t, File> &files) : files_ { files } {}

    void add(Event const &e, Span span)
    {
        if (e.kind == Kind::process)
            process_goes(e.process, { alive_until(e.process), span.end }); // it executes something else, or the number was given again
        if (e.kind == Kind::pin && e.result >= 0)
            pin(e, span);
        if (e.kind == Kind::unpin && e.result >= 0)
            e.size != 0 ? unpin(name_of(e), span) : unpin_all(e, span);
        if (e.kind == Kind::punch && e.result >= 0)
            punched(e.file, pages_of(e), span);
        auto &last_seen { seen_[e.process] };
        if (last_seen.end < span.end)
            last_seen = span;
    }
    void finish()
    {
        for (auto const &[name, groups] : held_)
            for (auto const g : groups)
                end(g, { alive_until(static_cast<std::uint32_t>(name.process)), never });
    }

private:
    // One pin: all of it, or what punching has left of it. Indexes of its file's pins.
    struct Group final {
        std::uint64_t file;
        std::uint32_t process;
        std::vector<std::size_t> parts;
    };

    // The first moment at which it may have gone: through its last event it was there.
    std::uint64_t alive_until(std::uint32_t process) { return seen_[process].end == never ? never : seen_[process].end + 1; }
    void pin(Event const &e, Span span)
    {
        auto const [first, last] { pages_of(e) };
        auto &f { files_[e.file] };
        f.live.push_back(f.all.size());
        groups_.push_back({ e.file, e.process, { f.all.size() } });
        f.all.push_back({ first, last, span, unending, groups_.size() - 1 });
        held_[name_of(e)].push_back(groups_.size() - 1);
    }
    void end(std::size_t group, Span until)
    {
        auto &f { files_[groups_[group].file] };
        for (auto const part : groups_[group].parts)
            if (f.all[part].until.end == never)
                f.all[part].until = until;
    }
    void unpin(Name const &name, Span until)
    {
        auto const found { held_.find(name) };
        if (found == held_.end())
            return; // it was taken before the trace began
        end(found->second.back(), until);
        found->second.pop_back();
        if (found->second.empty())
            held_.erase(found);
    }
    void unpin_all(Event const &e, Span until)
    {
        std::erase_if(held_, [&](auto const &entry) {
            auto const &n { entry.first };
            if (n.file != e.file || n.process != e.process || n.kind != e.detail || n.token != e.more[0])
                return false;
            for (auto const g : entry.second)
                end(g, until);
            return true;
        });
    }
    void process_goes(std::uint32_t process, Span until)
    {
        std::erase_if(held_, [&](auto const &entry) {
            if (entry.first.process != process)
                return false;
            for (auto const g : entry.second)
                end(g, until);
            return true;
        });
    }
    // 4.4: the pinned pages go on for their pinner only; the file gets new ones.
    void punched(std::uint64_t file, Pages hole, Span until)
    {
        auto &f { files_[file] };
        std::erase_if(f.live, [&](std::size_t i) { return f.all[i].until.end != never; });
        for (auto const i : std::vector { f.live }) {
            auto const whole { f.all[i] };
            if (whole.first >= hole.last || hole.first >= whole.last)
                continue;
            // Whose process has not been seen since may have gone before.
            f.all[i].until = { std::min(until.begin, alive_until(groups_[whole.group].process)), until.end };
            keep(f, whole, whole.first, std::min(whole.last, hole.first));
            keep(f, whole, std::max(whole.first, hole.last), whole.last);
        }
    }
    void keep(File &f, Pin part, std::uint64_t first, std::uint64_t last)
    {
        if (first >= last)
            return;
        part.first = first;
        part.last = last;
        groups_[part.group].parts.push_back(f.all.size());
        f.live.push_back(f.all.size());
        f.all.push_back(part);
    }

    static constexpr Span unending { never, never };
    std::unordered_map<std::uint64_t, File> &files_;
    std::vector<Group> groups_;
    std::map<Name, std::vector<std::size_t>> held_;
    std::map<std::uint32_t, Span> seen_; // the last sign of life of each process
};

PinTimeline::PinTimeline(std::vector<Ordered> const &all)
{
    Builder builder { files_ };
    for (auto const &[step, span] : all)
        builder.add(step->event, span);
    builder.finish();
    for (auto &[id, f] : files_) {
        f.live.clear();
        std::stable_sort(f.all.begin(), f.all.end(), [](Pin const &a, Pin const &b) { return a.from.begin < b.from.begin; });
    }
}

} // namespace gmem::checker
