#include "observe/figures.hpp"

#include "os/process_calls.hpp"

namespace gmem::observe {
namespace {

void move(Figure &to, Figure &from) noexcept { to.fetch_add(from.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed); }

// What is a sum goes to `past`, the rest is forgotten.
void give_away(FileFigures &past, FileFigures &f) noexcept
{
    for (auto const pair : { &FileFigures::unchanged, &FileFigures::refused, &FileFigures::again, &FileFigures::no_memory, &FileFigures::requests, &FileFigures::faults,
             &FileFigures::punched, &FileFigures::recoveries, &FileFigures::launched_pages })
        move(past.*pair, f.*pair);
    for (std::size_t d { 0 }; d < 2; ++d) {
        move(past.converted[d], f.converted[d]);
        move(past.converted_bytes[d], f.converted_bytes[d]);
        for (std::size_t i { 0 }; i < FileFigures::sizes; ++i)
            move(past.by_size[d][i], f.by_size[d][i]);
    }
    for (auto const word : { &FileFigures::holders, &FileFigures::private_pages, &FileFigures::most_private, &FileFigures::most_shared, &FileFigures::allocated, &FileFigures::most_allocated,
             &FileFigures::largest_bytes })
        (f.*word).store(0, std::memory_order_relaxed);
    for (auto *const p : { &f.under_way, &f.launch })
        p->size.store(0, std::memory_order_relaxed);
}

bool is_gone(FileFigures const &f) noexcept
{
    return f.holders.load(std::memory_order_relaxed) == 0 || os::is_gone(static_cast<long>(f.maker.load(std::memory_order_relaxed)));
}

} // namespace

// An inode in an entry is the claim on it: whoever puts it there first has it.
FileFigures *Figures::enter(std::uint64_t file, std::uint64_t pages, std::uint64_t process) noexcept
{
    for (auto &f : files)
        if (f.file.load(std::memory_order_acquire) == file) {
            f.holders.fetch_add(1, std::memory_order_relaxed);
            return &f;
        }
    for (bool const used : { false, true })
        for (auto &f : files) {
            auto before { f.file.load(std::memory_order_acquire) };
            if (used ? !is_gone(f) : before != 0)
                continue;
            if (!f.file.compare_exchange_strong(before, file, std::memory_order_acq_rel))
                continue;
            if (used) {
                give_away(past, f);
                past_files.fetch_add(1, std::memory_order_relaxed);
            }
            set(f.pages, pages);
            set(f.maker, process);
            f.holders.fetch_add(1, std::memory_order_relaxed);
            return &f;
        }
    without_entry.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
}

} // namespace gmem::observe
