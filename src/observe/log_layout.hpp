#pragma once
// How a log lies in its file: one page that says what it is, one of the faults that were asked for (faults.hpp), the figures (figures.hpp), then slots. The file is a trace that the user named, which keeps all, or memory of the
// session's, which keeps the latest.
//
// Invariants:
//   L1  slot n % capacity belongs to number n: an event, or bytes that belong to the event before. Its `state` says which, and whether it is there.
//   L2  head only grows; a number below head that never gets there was cut off by the death of its writer, or overtaken.
//   L3  where all is kept, slots at and beyond `limit` are never touched: below it the file has its blocks, so that a store cannot raise SIGBUS.
//   L4  events that found no place are counted in `dropped`.

#include "observe/event.hpp"

#include <atomic>
#include <cstdint>

namespace gmem::observe {

enum class Keep : std::uint32_t { all, latest };

enum class Content : std::uint64_t { being_written = 1, event = 2, bytes = 3 };
constexpr std::uint64_t state_of(std::uint64_t n, Content c) noexcept { return 4 * n + static_cast<std::uint64_t>(c); }

struct Slot final {
    // Who reads while another writes reads words, each whole, and the state before and after.
    using Words = std::array<std::uint64_t, sizeof(Event) / sizeof(std::uint64_t)>;

    std::atomic<std::uint64_t> state; // state_of()
    std::array<std::atomic<std::uint64_t>, sizeof(Event) / sizeof(std::uint64_t)> words;
};
static_assert(sizeof(Slot) == 128);

struct LogHeader final {
    static constexpr std::uint64_t expected_magic { 0x3230676f6c6d6567 }; // "gemlog02": the layout's version

    std::uint64_t magic;
    Keep keep;
    std::uint32_t slot_bytes; // sizeof(Slot)
    std::uint64_t capacity;   // slots
    std::atomic<std::uint64_t> head;    // number of events begun
    std::atomic<std::uint64_t> limit;   // see L3
    std::atomic<std::uint64_t> dropped;
    // What CLOCK_REALTIME said when CLOCK_MONOTONIC said the other: nanoseconds.
    std::uint64_t began_monotonic, began_realtime;
    std::uint64_t has_stacks; // 0: nobody is asked who called
    // Who writes asks the reader to look, and waits for its answer (report.hpp): counts, and futexes.
    std::atomic<std::uint32_t> asked, answered;
    std::atomic<std::uint32_t> reader; // process that answers; 0: nobody does
    std::uint32_t command_bytes;
    char settings[512];  // NAME=VALUE words, separated by spaces: what the session was started with
    char command[2048];  // the program and its arguments, each ended by NUL; cut where it is longer
};
inline constexpr std::uint64_t faults_at { 4096 };
inline constexpr std::uint64_t figures_at { 8192 };
inline constexpr std::uint64_t slots_at { figures_at + 67 * 4096 };
static_assert(sizeof(LogHeader) <= faults_at);

constexpr std::uint64_t bytes_of_log(std::uint64_t capacity) noexcept { return slots_at + capacity * sizeof(Slot); }

} // namespace gmem::observe
