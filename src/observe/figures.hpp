#pragma once
// What a session counts: for each guest_memfd, and of vCPUs. Lies in the session's log between its first pages and its slots, so that it outlives the
// program, and whoever maps the log can read it at any time. docs/stats.md.
//
// Invariants:
//   N1  an entry belongs to the file whose inode it says. Who writes looks at that first: an entry may have been given to another file.
//   N2  of one entry all but `under_way`, `launch` and `allocated` changes under its file's lock: a load and a store will do.
//   N3  the numbers of an entry that is given away are added to `past` before.

#include "observe/log_layout.hpp"

#include <bit>
#include <cstddef>

namespace gmem::observe {

using Figure = std::atomic<std::uint64_t>;

// What one conversion, or one launch call, is at. Written by who does it, read by who wants a progress bar.
struct Progress final {
    Figure offset, size, done; // bytes; size 0: nothing is under way
    Figure to;                 // 1: private
    Figure began;              // CLOCK_MONOTONIC, nanoseconds
};

enum class Direction : std::uint8_t { shared, private_ };

struct alignas(64) FileFigures final {
    static constexpr std::size_t sizes { 36 }; // of conversions: [n] counts those that changed [2^n, 2^(n+1)) pages

    Figure file;    // inode; 0: nobody's
    Figure holders; // processes that have it, and have not died
    Figure maker;   // process
    Figure pages, platform;
    Figure private_pages, most_private, most_shared;
    Figure allocated, most_allocated; // bytes, when somebody last looked
    Figure converted[2], converted_bytes[2], largest_bytes; // by Direction
    Figure unchanged, refused, again, no_memory;
    Figure requests, faults; // exits in which the guest asked for a conversion; memory faults
    Figure punched, recoveries;
    Progress under_way, launch;
    Figure launched_pages;
    Figure by_size[2][sizes];
};
static_assert(sizeof(FileFigures) == 896);

// vCPUs of different numbers seldom meet in one.
struct alignas(64) ExitFigures final {
    enum Reason : std::uint8_t { io, mmio, hypercall, memory_fault, halt, interrupted, other, reasons };
    Figure of[8];
};

struct Figures final {
    static constexpr std::size_t most_files { 256 }, shards { 32 };

    Figure past_files; // files whose entries were given away
    Figure without_entry; // files that found none: their conversions are not counted
    FileFigures past;
    ExitFigures exits[shards];
    FileFigures files[most_files];

    struct Entered final {
        FileFigures *entry; // nullptr: there was no room
        bool first;         // of those who have the file now: whose business it is to say what is known of it
    };
    // The file's entry, with this process as one more holder. Processes that enter a file at the same time find one entry.
    Entered enter(std::uint64_t file, std::uint64_t pages, std::uint64_t process) noexcept;
};
static_assert(figures_at + sizeof(Figures) <= slots_at);

inline Figures &figures_of(LogHeader &h) noexcept { return *reinterpret_cast<Figures *>(reinterpret_cast<std::byte *>(&h) + figures_at); }
inline Figures const &figures_of(LogHeader const &h) noexcept { return *reinterpret_cast<Figures const *>(reinterpret_cast<std::byte const *>(&h) + figures_at); }

// Under the file's lock (N2).
inline void add(Figure &f, std::uint64_t n) noexcept { f.store(f.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
inline void raise(Figure &f, std::uint64_t n) noexcept
{
    if (n > f.load(std::memory_order_relaxed))
        f.store(n, std::memory_order_relaxed);
}
inline void set(Figure &f, std::uint64_t n) noexcept { f.store(n, std::memory_order_relaxed); }

constexpr std::size_t size_class(std::uint64_t pages) noexcept { return pages == 0 ? 0 : static_cast<std::size_t>(std::bit_width(pages) - 1) % FileFigures::sizes; }

} // namespace gmem::observe
