#include "observe/stack.hpp"

#include "observe/clock.hpp"
#include "observe/log.hpp"
#include "observe/who.hpp"
#include "os/syscall.hpp"

#include <array>
#include <bit>
#include <optional>

// Where this library, or the executable that it is part of, begins and where its code ends: the linker's words.
extern "C" {
[[gnu::visibility("hidden")]] extern char __ehdr_start;
[[gnu::visibility("hidden")]] extern char etext;
}

namespace gmem::observe {
namespace {

constexpr std::uintptr_t page { 4096 };
constinit std::atomic<std::uint32_t> generation { 1 };

// Of this thread: the stacks that it left lately, each in the place that its hash says. A loop that calls from two places needs two.
struct Remembered final {
    struct Left final {
        std::uint64_t hash;
        EventNo stack;
    };
    std::array<Left, 8> left;
    std::uintptr_t readable_page;
    std::uint32_t generation;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local Remembered last { {}, 0, 0 };

bool is_ours(std::uintptr_t address) noexcept { return address >= reinterpret_cast<std::uintptr_t>(&__ehdr_start) && address < reinterpret_cast<std::uintptr_t>(&etext); }

// gmem's own code keeps frame pointers: where a frame returns to somebody else's code, that is who called.
[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] std::optional<Frame> entry(void const *frame) noexcept
{
    auto at { reinterpret_cast<std::uintptr_t>(frame) };
    for (int depth { 0 }; depth < 32; ++depth) {
        auto const *const words { reinterpret_cast<std::uintptr_t const *>(at) };
        auto const next { words[0] }, returns_to { words[1] };
        if (!is_ours(returns_to))
            return Frame { returns_to, at + 2 * sizeof next, next };
        if (next <= at || next - at > 64 * 1024 || next % sizeof next != 0)
            return std::nullopt;
        at = next;
    }
    return std::nullopt;
}

bool is_mapped(std::uintptr_t address) noexcept
{
    auto const now { generation.load(std::memory_order_relaxed) };
    if (last.readable_page == address && last.generation == now)
        return true;
    unsigned char ignored;
    if (os::failed(os::system_call(SYS_mincore, address, 1, &ignored)))
        return false;
    last.readable_page = address;
    last.generation = now;
    return true;
}

std::size_t readable_from(std::uintptr_t begin) noexcept
{
    auto const next_page { (begin & ~(page - 1)) + page };
    return begin + Stack::most_bytes <= next_page || is_mapped(next_page) ? Stack::most_bytes : next_page - begin;
}

// Two calls of one loop differ in their counters, not in where they come from: only what may be an address counts.
[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] std::uint64_t hash_of(Frame f, std::size_t bytes) noexcept
{
    auto const *const words { reinterpret_cast<std::uint64_t const *>(f.stack_pointer) };
    // What is smaller than 2^40 becomes 0. Four sums at once, so that none waits for the other.
    auto const mixed { [words](std::uint64_t sum, std::size_t at) noexcept { return std::rotl(sum, 9) + (words[at] >> 40) * words[at]; } };
    std::uint64_t a { f.instruction }, b { f.stack_pointer }, c { 0 }, d { bytes };
    for (std::size_t i { 0 }; i + 4 <= bytes / sizeof *words; i += 4) {
        a = mixed(a, i);
        b = mixed(b, i + 1);
        c = mixed(c, i + 2);
        d = mixed(d, i + 3);
    }
    constexpr std::uint64_t odd { 0x9e3779b97f4a7c15 };
    return (((a * odd ^ b) * odd ^ c) * odd ^ d) * odd;
}

} // namespace

void Stack::memory_changed() noexcept { generation.fetch_add(1, std::memory_order_relaxed); }

EventNo Stack::of_caller() noexcept
{
    auto *const log { Log::header() };
    if (!log || !log->has_stacks)
        return EventNo::none;
    auto const f { entry(__builtin_frame_address(0)) };
    return f ? of(*f) : EventNo::none;
}

[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] EventNo Stack::of(Frame f) noexcept
{
    auto *const log { Log::header() };
    if (!log || !log->has_stacks || f.stack_pointer % sizeof(std::uint64_t) != 0)
        return EventNo::none;
    auto const bytes { readable_from(f.stack_pointer) };
    auto const hash { hash_of(f, bytes) };
    auto &left { last.left[hash >> 61] };
    if (left.hash == hash && left.stack != EventNo::none && Log::keeps(left.stack)) // a fork's child: its parent's copy serves as well
        return left.stack;
    auto const [process, thread] { who() };
    Event e;
    e.kind = Kind::stack;
    e.time = now();
    e.process = process;
    e.thread = thread;
    e.more = { f.instruction, bytes, f.stack_pointer, f.frame_pointer };
    auto const n { Log::append(e, { reinterpret_cast<std::byte const *>(f.stack_pointer), bytes }) };
    left = { hash, n };
    return n;
}

} // namespace gmem::observe
