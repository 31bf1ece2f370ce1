#include "memory/holds.hpp"

#include "os/description_calls.hpp"
#include "os/mapping_calls.hpp"

#include <bit>

namespace gmem::memory {
namespace {

// Bit n: something may be held through descriptor n.
constexpr unsigned most_marked { 1u << 20 };
constinit std::atomic<std::uint64_t> marks[most_marked / 64] {};

} // namespace

constinit os::Mutex Holds::lock_;
constinit Holds::Record *Holds::records_ { nullptr };
constinit std::size_t Holds::high_ { 0 };
constinit std::atomic<std::size_t> Holds::live_ { 0 };
constinit std::atomic<std::uint64_t> Holds::next_token_ { 1 };
constinit std::atomic<Holds::Settler> Holds::settler_ { nullptr };
constinit std::atomic<int> Holds::next_orphan_ { Holds::first_orphan };

void Holds::mark(int descriptor) noexcept
{
    if (auto const n { static_cast<unsigned>(descriptor) }; n < most_marked)
        marks[n / 64].fetch_or(std::uint64_t { 1 } << (n % 64), std::memory_order_release);
}

bool Holds::may_be_held_by(int descriptor) noexcept
{
    if (empty()) [[likely]]
        return false;
    auto const n { static_cast<unsigned>(descriptor) };
    return n < most_marked ? marks[n / 64].load(std::memory_order_acquire) >> (n % 64) & 1 : descriptor >= 0;
}

Status Holds::add(GuestMemory &file, PageRange r, HoldKey const &key, std::uint64_t taker, std::uint32_t part) noexcept
{
    auto const token { next_token_.fetch_add(1, std::memory_order_relaxed) };
    GMEM_CHECK(file.pin(r, key.kind, token));
    os::SignalsBlocked blocked;
    auto const entered { [&]() noexcept -> Status {
        os::Locked guard { lock_ };
        if (!records_) {
            GMEM_TRY(memory, os::map_anonymous(most * sizeof(Record), MAP_PRIVATE));
            records_ = reinterpret_cast<Record *>(memory);
        }
        std::size_t at { 0 };
        while (at < high_ && records_[at].file)
            ++at;
        if (at == most)
            return Error::of(Why::no_memory, "holds.full");
        if (at == high_)
            ++high_;
        file.acquire();
        records_[at] = { &file, r.first().index(), r.last().index(), key, token, taker, part };
        live_.fetch_add(1, std::memory_order_release);
        mark(key.descriptor);
        return Ok {};
    }() };
    if (!entered)
        file.unpin_all(key.kind, token);
    return entered;
}

unsigned Holds::drop(PinKind kind, int descriptor, std::uint64_t group, std::uint64_t first, std::uint64_t last) noexcept
{
    return drop_where([&](Record const &r) noexcept {
        return r.key.kind == kind && r.key.descriptor == descriptor && r.key.group == group && first <= r.key.tag && r.key.tag <= last && r.taker == 0;
    });
}

void Holds::drop_group(PinKind kind, int descriptor, std::uint64_t group) noexcept { drop(kind, descriptor, group, 0, ~std::uint64_t { 0 }); }

void Holds::drop_all(PinKind kind) noexcept
{
    drop_where([kind](Record const &r) noexcept { return r.key.kind == kind && r.taker == 0; });
}

void Holds::drop_descriptor(int descriptor) noexcept
{
    drop_where([descriptor](Record const &r) noexcept { return r.key.descriptor == descriptor && r.taker == 0; });
}

int Holds::first_in(unsigned first, unsigned last) noexcept
{
    if (empty()) [[likely]]
        return -1;
    for (auto n { first }; n <= last && n < most_marked; ++n) {
        auto const rest { marks[n / 64].load(std::memory_order_acquire) >> (n % 64) };
        if (rest == 0) {
            n |= 63;
            continue;
        }
        n += static_cast<unsigned>(std::countr_zero(rest));
        return n <= last ? static_cast<int>(n) : -1;
    }
    return -1;
}

Holds::Held Holds::held_by(int descriptor) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    auto held { Held::nothing };
    for_each_locked([&](Record const &r) noexcept {
        if (r.key.descriptor == descriptor && held != Held::in_pipe)
            held = r.key.kind == PinKind::pipe ? Held::in_pipe : Held::something;
    });
    return held;
}

int Holds::number_of(PinKind kind, int descriptor) noexcept
{
    if (empty())
        return descriptor;
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    int found { -1 }, other { -1 };
    for_each_locked([&](Record const &r) noexcept {
        if (r.key.kind != kind || r.key.descriptor < 0 || found == descriptor)
            return;
        if (r.key.descriptor == descriptor)
            found = descriptor;
        else if (found < 0 && r.key.descriptor != other && os::same_description(other = r.key.descriptor, descriptor))
            found = r.key.descriptor;
    });
    return found < 0 ? descriptor : found;
}

void Holds::move(int from, int to) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    for_each_locked([&](Record &r) noexcept {
        if (r.key.descriptor == from)
            r.key.descriptor = to;
    });
    if (auto const n { static_cast<unsigned>(from) }; n < most_marked)
        marks[n / 64].fetch_and(~(std::uint64_t { 1 } << (n % 64)), std::memory_order_release);
    mark(to);
}

// A pipe is a queue: a piece is gone for certain when no more bytes wait than were put in after it.
void Holds::settle_pipe(int descriptor, unsigned &dropped) noexcept
{
    auto const waiting { os::bytes_waiting(descriptor) };
    std::uint64_t end { 0 };
    {
        os::Locked guard { lock_ };
        for_each_locked([&](Record const &r) noexcept {
            if (r.key.kind == PinKind::pipe && r.key.descriptor == descriptor && r.taker == 0 && r.key.tag > end)
                end = r.key.tag;
        });
    }
    dropped += drop_where([&](Record const &r) noexcept {
        return r.key.kind == PinKind::pipe && r.key.descriptor == descriptor && r.taker == 0 && r.key.tag <= end
            && (os::failed(waiting) || end - r.key.tag >= static_cast<std::uint64_t>(waiting));
    });
}

unsigned Holds::settle() noexcept
{
    unsigned dropped { 0 };
    if (empty()) [[likely]]
        return dropped;
    os::SignalsBlocked blocked;
    if (auto const settler { settler_.load(std::memory_order_acquire) })
        dropped += settler();
    for (int last { -1 };;) { // each pipe once, by ascending number
        int next { -1 };
        {
            os::Locked guard { lock_ };
            for_each_locked([&](Record const &r) noexcept {
                if (r.key.kind == PinKind::pipe && r.key.descriptor > last && (next < 0 || r.key.descriptor < next))
                    next = r.key.descriptor;
            });
        }
        if (next < 0)
            return dropped;
        settle_pipe(next, dropped);
        last = next;
    }
}

std::optional<os::AddressRange> Holds::view_of(PinKind kind, std::uint64_t tag) noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    std::optional<os::AddressRange> found;
    for_each_locked([&](Record const &r) noexcept {
        if (r.key.kind == kind && r.key.tag == tag && r.taker == 0)
            found = r.file->view_of(*PageRange::make(PageNo { r.first }, PageNo { r.last }));
    });
    return found;
}

void Holds::forget_after_fork() noexcept GMEM_NO_THREAD_SAFETY
{
    lock_.reset_after_fork();
    for_each_locked([](Record &r) noexcept {
        auto *const file { r.file };
        r.file = nullptr;
        file->release();
    });
    high_ = 0;
    live_.store(0, std::memory_order_release);
}

char const *Holds::audit() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { lock_ };
    std::size_t live { 0 };
    char const *broken { nullptr };
    for_each_locked([&](Record const &r) noexcept {
        ++live;
        if (!r.file->in_use() || r.first >= r.last || r.last > r.file->pages().index())
            broken = "H1: a hold without a file or outside of it";
        if (r.key.descriptor >= 0 && !may_be_held_by(r.key.descriptor))
            broken = "H4: a descriptor that holds is not marked";
    });
    if (live != live_.load(std::memory_order_acquire))
        broken = "H3: the number of holds is wrong";
    return broken;
}

} // namespace gmem::memory
