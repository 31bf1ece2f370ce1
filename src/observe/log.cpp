#include "observe/log.hpp"

#include "os/linux_abi.hpp"
#include "os/syscall.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <new>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace gmem::observe {
namespace {

constexpr std::uint64_t slots_at_once { 8192 }; // 1 MiB of file

Slot *slots(LogHeader &h) noexcept { return reinterpret_cast<Slot *>(reinterpret_cast<std::byte *>(&h) + slots_at); }

// A stack's bytes are not read by a memcpy that a sanitizer of the program's has an eye on.
void copy_bytes(void *to, std::byte const *from, std::size_t size) noexcept { asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory"); }

void write_slot(LogHeader &h, std::uint64_t n, Event const &e, Content content) noexcept
{
    auto &slot { slots(h)[n % h.capacity] };
    if (slot.state.load(std::memory_order_relaxed) >= state_of(n + h.capacity, Content::being_written)) [[unlikely]] { // a whole turn late
        h.dropped.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    slot.state.store(state_of(n, Content::being_written), std::memory_order_relaxed);
    auto const words { std::bit_cast<Slot::Words>(e) };
    for (std::size_t i { 0 }; i < words.size(); ++i)
        slot.words[i].store(words[i], std::memory_order_release); // whoever sees a part of the new event sees that it is not there yet
    // Where the latest are kept, somebody who began a whole turn later may have overtaken this one: then it is not there.
    auto expected { state_of(n, Content::being_written) };
    if (!slot.state.compare_exchange_strong(expected, state_of(n, content), std::memory_order_release, std::memory_order_relaxed))
        h.dropped.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

constinit std::atomic<LogHeader *> Log::header_ { nullptr };

void Log::use(std::byte *begin) noexcept { header_.store(reinterpret_cast<LogHeader *>(begin), std::memory_order_release); }

void Log::create(std::byte *begin, Keep keep, std::uint64_t capacity, std::uint64_t monotonic, std::uint64_t realtime) noexcept
{
    auto &h { *::new (begin) LogHeader {} };
    h.keep = keep;
    h.slot_bytes = sizeof(Slot);
    h.capacity = capacity;
    h.limit.store(keep == Keep::latest ? capacity : 0, std::memory_order_relaxed);
    h.began_monotonic = monotonic;
    h.began_realtime = realtime;
    h.magic = LogHeader::expected_magic;
}

// MADV_POPULATE_WRITE says that the disk is full where a store would raise SIGBUS.
bool Log::make_room(LogHeader &h, std::uint64_t end) noexcept
{
    if (end > h.capacity)
        return false;
    for (auto limit { h.limit.load(std::memory_order_acquire) }; limit < end; limit = h.limit.load(std::memory_order_acquire)) {
        auto const next { std::min(limit + slots_at_once, h.capacity) };
        auto const begin { reinterpret_cast<std::uintptr_t>(slots(h) + limit) & ~std::uintptr_t { 4095 } };
        auto const result { os::system_call(SYS_madvise, begin, reinterpret_cast<std::uintptr_t>(slots(h) + next) - begin, MADV_POPULATE_WRITE) };
        if (result == -EINTR || result == -EAGAIN)
            continue;
        if (os::failed(result))
            return false;
        h.limit.compare_exchange_strong(limit, next, std::memory_order_acq_rel);
    }
    return true;
}

EventNo Log::append(Event const &e, std::span<std::byte const> behind) noexcept
{
    auto *const h { header() };
    if (!h)
        return EventNo::none;
    auto const pieces { 1 + (behind.size() + sizeof(Event) - 1) / sizeof(Event) };
    auto const first { h->head.fetch_add(pieces, std::memory_order_relaxed) };
    if (h->keep == Keep::all && first + pieces > h->limit.load(std::memory_order_relaxed) && !make_room(*h, first + pieces)) [[unlikely]] {
        h->dropped.fetch_add(1, std::memory_order_relaxed);
        return EventNo::none;
    }
    for (std::size_t i { 1 }; i < pieces; ++i) { // the event itself last: what is there is whole
        Event piece;
        auto const part { behind.subspan((i - 1) * sizeof piece, std::min(sizeof piece, behind.size() - (i - 1) * sizeof piece)) };
        copy_bytes(&piece, part.data(), part.size());
        write_slot(*h, first + i, piece, Content::bytes);
    }
    write_slot(*h, first, e, Content::event);
    return EventNo { first };
}

bool Log::keeps(EventNo n) noexcept
{
    auto *const h { header() };
    if (!h || n == EventNo::none)
        return false;
    return slots(*h)[raw(n) % h->capacity].state.load(std::memory_order_relaxed) == state_of(raw(n), Content::event);
}

// Words that hold what a call learns at its end: whoever reads meanwhile sees the old or the new of each.
void Log::amend(EventNo n, Event const &now) noexcept
{
    if (!keeps(n))
        return;
    auto &slot { slots(*header())[raw(n) % header()->capacity] };
    auto const words { std::bit_cast<Slot::Words>(now) };
    for (auto const at : { offsetof(Event, duration), offsetof(Event, kind), offsetof(Event, at) })
        slot.words[at / sizeof words[0]].store(words[at / sizeof words[0]], std::memory_order_relaxed);
}

void Log::withdraw(EventNo n) noexcept
{
    auto *const h { header() };
    if (!h || n == EventNo::none)
        return;
    auto expected { state_of(raw(n), Content::event) };
    slots(*h)[raw(n) % h->capacity].state.compare_exchange_strong(expected, state_of(raw(n), Content::bytes), std::memory_order_relaxed);
}

} // namespace gmem::observe
