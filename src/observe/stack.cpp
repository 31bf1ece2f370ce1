#include "observe/stack.hpp"

#include "observe/clock.hpp"
#include "observe/log.hpp"
#include "observe/who.hpp"
#include "os/syscall.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <span>
#include <sys/uio.h>

// Where this library, or the executable that it is part of, begins and where its code ends: the linker's words.
extern "C" {
[[gnu::visibility("hidden")]] extern char __ehdr_start;
[[gnu::visibility("hidden")]] extern char etext;
}

namespace gmem::observe {
namespace {

constexpr std::uintptr_t page { 4096 };

// Of this thread: the stacks that it left lately, each in the place that its hash says. A loop that calls from two places needs two.
struct Remembered final {
    struct Left final {
        std::uint64_t hash;
        EventNo stack;
    };
    std::array<Left, 8> left;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local Remembered last {};

using Copy = std::array<std::byte, Stack::most_bytes>;

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

// What of a stack from `begin` on can be read. The first `sure` bytes are read where they lie. What is above may be a guard page, nothing, or somebody else's to unmap
// at this moment: the kernel copies it, as far as it goes.
std::span<std::byte const> readable(std::uintptr_t begin, std::size_t sure, Copy &copy) noexcept
{
    auto const *const there { reinterpret_cast<std::byte const *>(begin) };
    if (sure >= copy.size())
        return { there, copy.size() };
    auto const in_page { std::min<std::size_t>(page - begin % page, copy.size()) };
    iovec const to { copy.data(), copy.size() };
    iovec const from[2] { { reinterpret_cast<void *>(begin), in_page }, { reinterpret_cast<void *>(begin + in_page), copy.size() - in_page } }; // half a vector is not promised
    auto const copied { os::system_call(SYS_process_vm_readv, who().process, &to, 1, from, 2, 0) };
    if (os::failed(copied))
        return { there, sure };
    return { copy.data(), static_cast<std::size_t>(copied) & ~(sizeof(std::uint64_t) - 1) };
}

// Two calls of one loop differ in their counters, not in where they come from: only what may be an address counts.
[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] std::uint64_t hash_of(Frame f, std::span<std::byte const> piece) noexcept
{
    auto const *const words { reinterpret_cast<std::uint64_t const *>(piece.data()) };
    // What is smaller than 2^40 becomes 0. Four sums at once, so that none waits for the other.
    auto const mixed { [words](std::uint64_t sum, std::size_t at) noexcept { return std::rotl(sum, 9) + (words[at] >> 40) * words[at]; } };
    std::uint64_t a { f.instruction }, b { f.stack_pointer }, c { 0 }, d { piece.size() };
    for (std::size_t i { 0 }; i + 4 <= piece.size() / sizeof *words; i += 4) {
        a = mixed(a, i);
        b = mixed(b, i + 1);
        c = mixed(c, i + 2);
        d = mixed(d, i + 3);
    }
    constexpr std::uint64_t odd { 0x9e3779b97f4a7c15 };
    return (((a * odd ^ b) * odd ^ c) * odd ^ d) * odd;
}

// `sure`: so many bytes from the stack pointer on are there.
EventNo leave(Frame f, std::size_t sure) noexcept
{
    if (f.stack_pointer % sizeof(std::uint64_t) != 0)
        return EventNo::none;
    alignas(std::uint64_t) Copy copy;
    auto const piece { readable(f.stack_pointer, sure, copy) };
    auto const hash { hash_of(f, piece) };
    auto &left { last.left[hash >> 61] };
    if (left.hash == hash && left.stack != EventNo::none && Log::keeps(left.stack)) // a fork's child: its parent's copy serves as well
        return left.stack;
    auto const [process, thread] { who() };
    Event e;
    e.kind = Kind::stack;
    e.time = now();
    e.process = process;
    e.thread = thread;
    e.more = { f.instruction, piece.size(), f.stack_pointer, f.frame_pointer };
    auto const n { Log::append(e, piece) };
    left = { hash, n };
    return n;
}

bool asked_for() noexcept
{
    auto const *const log { Log::header() };
    return log && log->has_stacks;
}

} // namespace

EventNo Stack::of_caller() noexcept
{
    if (!asked_for())
        return EventNo::none;
    auto const f { entry(__builtin_frame_address(0)) };
    return f ? leave(*f, -f->stack_pointer % page) : EventNo::none; // the word below it is where gmem returns to: the rest of that word's page is there, too
}

EventNo Stack::of(Frame f) noexcept { return asked_for() ? leave(f, 0) : EventNo::none; }

} // namespace gmem::observe
