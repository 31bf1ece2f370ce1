#include "memory/file_figures.hpp"

#include "memory/guest_memory.hpp"
#include "observe/log.hpp"
#include "observe/who.hpp"
#include "os/file_calls.hpp"

#include <algorithm>

namespace gmem::memory {
namespace {

using observe::Direction;

// A system call, so not at every conversion: the highest mark is that of the moments at which somebody looked.
constexpr bool is_worth_a_look(std::uint64_t conversions) noexcept { return conversions <= 16 || conversions % 64 == 0; }

void look_at_memory(GuestMemory &file, observe::FileFigures &e) noexcept
{
    os::KernelStat facts {};
    auto const own { file.own_copy().get() };
    if (own < 0 || os::failed(os::system_call(SYS_fstat, own, &facts)))
        return;
    auto const all { static_cast<std::uint64_t>(facts.st_blocks) * 512 };
    auto const ours { file.header().resident_bytes.load(std::memory_order_relaxed) };
    observe::set(e.allocated, all > ours ? all - ours : 0);
    observe::raise(e.most_allocated, e.allocated.load(std::memory_order_relaxed));
}

} // namespace

void FileFigures::enter(GuestMemory const &file) noexcept
{
    auto *const log { observe::Log::header() };
    entry_ = nullptr;
    inode_ = file.facts().inode;
    if (!log)
        return;
    entry_ = observe::figures_of(*log).enter(inode_, file.pages().index(), observe::who().process);
    if (!entry_ || entry_->holders.load(std::memory_order_relaxed) != 1)
        return;
    auto const is_private { file.attributes().count(Attribute::private_) };
    observe::set(entry_->platform, static_cast<std::uint64_t>(file.header().vm.kind));
    observe::set(entry_->private_pages, is_private);
    observe::set(entry_->most_private, is_private);
    observe::set(entry_->most_shared, file.pages().index() - is_private);
}

void FileFigures::leave(GuestMemory &file) noexcept
{
    if (auto *const e { entry() }) {
        look_at_memory(file, *e);
        e->holders.fetch_sub(1, std::memory_order_relaxed);
    }
    entry_ = nullptr;
}

void FileFigures::continue_in_child() noexcept
{
    if (auto *const e { entry() })
        e->holders.fetch_add(1, std::memory_order_relaxed);
}

void FileFigures::look(GuestMemory &file) const noexcept
{
    if (auto *const e { entry() })
        look_at_memory(file, *e);
}

// Also of who did not get the lock.
void FileFigures::count_refused(int err) const noexcept
{
    auto *const e { entry() };
    if (!e)
        return;
    e->refused.fetch_add(1, std::memory_order_relaxed);
    if (err == EAGAIN)
        e->again.fetch_add(1, std::memory_order_relaxed);
    if (err == ENOMEM)
        e->no_memory.fetch_add(1, std::memory_order_relaxed);
}

observe::FileFigures *CountedConversion::entry_of(GuestMemory const &file) noexcept { return file.figures().entry(); }

void begin(observe::Progress &p, PageRange r, Attribute to, std::uint64_t time) noexcept
{
    observe::set(p.offset, raw(r.offset()));
    observe::set(p.to, to == Attribute::private_);
    observe::set(p.done, 0);
    observe::set(p.began, time);
    p.size.store(raw(r.length()), std::memory_order_release);
}

void CountedConversion::begin(std::uint64_t time) noexcept { memory::begin(entry_->under_way, range_, to_, time); }

std::uint64_t CountedConversion::pages_to_change() const noexcept
{
    std::uint64_t n { 0 };
    auto const from { to_ == Attribute::private_ ? Attribute::shared : Attribute::private_ };
    for (auto at { range_.first() }; at < range_.last();) {
        auto const run { file_.attributes().next_run(at, range_.last(), from) };
        if (!run)
            break;
        n += run->pages();
        at = run->last();
    }
    return n;
}

void CountedConversion::count() noexcept
{
    auto &e { *entry_ };
    auto const d { to_ == Attribute::private_ ? 1u : 0u };
    auto const all { e.pages.load(std::memory_order_relaxed) };
    auto const before { e.private_pages.load(std::memory_order_relaxed) };
    auto const now { d ? std::min(all, before + changes_) : before - std::min(before, changes_) };
    observe::set(e.private_pages, now);
    observe::raise(e.most_private, now);
    observe::raise(e.most_shared, all - now);
    observe::add(e.converted[d], 1);
    observe::add(e.converted_bytes[d], changes_ << page_bits);
    observe::raise(e.largest_bytes, raw(range_.length()));
    observe::add(e.by_size[d][observe::size_class(changes_)], 1);
    if (is_worth_a_look(e.converted[0].load(std::memory_order_relaxed) + e.converted[1].load(std::memory_order_relaxed)))
        look_at_memory(file_, e);
}

} // namespace gmem::memory
