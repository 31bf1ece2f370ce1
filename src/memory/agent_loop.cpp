// The agent's own code: a bare thread that closes this process's windows on one gmem when another process converts pages to private.
// Nothing here may be instrumented or call what might be: plain data and always_inline functions only.

#include "memory/agent_loop.hpp"

#include "os/bare_lock.hpp"
#include "os/bare_memory.hpp"
#include "os/bare_thread.hpp"
#include "os/robust.hpp"

#include <cerrno>

namespace gmem::memory {
namespace {

#define GMEM_BARE [[gnu::always_inline]] inline

using os::bare_syscall;

struct Pages final {
    std::uint64_t first, last;
};

GMEM_BARE std::uint64_t first_page_of(Window const &w) noexcept { return __builtin_bit_cast(std::uint64_t, w.first); }

// A place in the list of what the bits must be told, or false. Where the list is full, everything about this window becomes one entry:
// the caller then registers the whole window.
GMEM_BARE ClosedByAgent *with_room(NativePages &native, Pages whole, Pages &part) noexcept
{
    auto &list { native.closed_by_agent };
    if (list.count < ClosedByAgent::most)
        return &list;
    part = whole;
    std::uint32_t kept { 0 };
    for (std::uint32_t i { 0 }; i < list.count; ++i)
        if (list.last[i] <= whole.first || whole.last <= list.first[i]) {
            list.first[kept] = list.first[i];
            list.last[kept] = list.last[i];
            ++kept;
        }
    list.count = kept;
    return kept < ClosedByAgent::most ? &list : nullptr;
}

GMEM_BARE std::uint64_t address_of(Window const &w, std::uint64_t page) noexcept { return w.addresses.begin + ((page - first_page_of(w)) << page_bits); }

GMEM_BARE long register_pages(AgentBirth const &b, Window const &w, Pages p) noexcept
{
    return os::bare_register(b.userfaultfd, address_of(w, p.first), (p.last - p.first) << page_bits);
}

// As userfaultfd_gate::close(), with the whole window registered where the kernel has no room to split it.
GMEM_BARE long close_registered(AgentBirth const &b, Window &w, Pages part) noexcept
{
    auto const first { first_page_of(w) };
    Pages const whole { first, first + ((w.addresses.end - w.addresses.begin) >> page_bits) };
    if (w.native->runs_ != 0) {
        auto registered { part };
        auto *const list { with_room(*w.native, whole, registered) };
        if (!list)
            return -ENOMEM;
        if (register_pages(b, w, registered) < 0) {
            registered = whole;
            if (auto const result { register_pages(b, w, registered) }; result < 0)
                return result;
        }
        list->first[list->count] = registered.first;
        list->last[list->count] = registered.last;
        ++list->count;
    }
    return os::bare_zap(address_of(w, part.first), (part.last - part.first) << page_bits);
}

// As overlay_gate::close().
GMEM_BARE long close_covered(AgentBirth const &b, Window const &w, Pages part) noexcept
{
    return os::bare_cover(b.empty_file, address_of(w, part.first), (part.last - part.first) << page_bits, w.protection, part.first << page_bits);
}

GMEM_BARE long close_windows(AgentBirth const &b, Pages range) noexcept
{
    long result { 0 };
    os::bare_lock(b.space_lock);
    for (std::size_t i { 0 }; i < b.windows->count && result == 0; ++i) {
        auto &w { b.windows->first[i] };
        if (w.file != b.file)
            continue;
        auto const first { first_page_of(w) };
        auto const last { first + ((w.addresses.end - w.addresses.begin) >> page_bits) };
        Pages const part { range.first > first ? range.first : first, range.last < last ? range.last : last };
        if (part.first < part.last)
            result = b.userfaultfd >= 0 ? close_registered(b, w, part) : close_covered(b, w, part);
    }
    os::bare_unlock(b.space_lock);
    return result;
}

GMEM_BARE bool change(std::uint32_t *mailbox, Mailbox from, Mailbox to) noexcept
{
    auto expected { static_cast<std::uint32_t>(from) };
    return __atomic_compare_exchange_n(mailbox, &expected, static_cast<std::uint32_t>(to), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

GMEM_BARE void tell_starter(AgentBirth &b, std::int32_t slot) noexcept
{
    b.slot = slot;
    __atomic_store_n(&b.settled, 1u, __ATOMIC_RELEASE);
    bare_syscall(SYS_futex, reinterpret_cast<long>(&b.settled), FUTEX_WAKE, 1);
}

GMEM_BARE std::int32_t claim_slot(AgentBirth const &b, os::RobustWord &robust) noexcept
{
    for (std::int32_t i { 0 }; i < static_cast<std::int32_t>(most_peers); ++i)
        if (!os::holder_lives(__atomic_load_n(&b.slots[i].liveness, __ATOMIC_ACQUIRE)) && robust.claim(&b.slots[i].liveness))
            return i;
    return -1;
}

} // namespace

void serve_peers(void *argument) noexcept
{
    auto &b { *static_cast<AgentBirth *>(argument) };
    os::RobustWord robust;
    auto const slot { claim_slot(b, robust) };
    if (slot < 0) {
        tell_starter(b, -1);
        os::exit_bare_thread();
    }
    auto &mine { b.slots[slot] };
    auto *const mailbox { &mine.mailbox };
    mine.pid = static_cast<std::int32_t>(bare_syscall(SYS_getpid));
    // What the slot's last process left there. A request that arrives meanwhile is answered like any other: nothing is open yet.
    for (auto const stale : { Mailbox::running, Mailbox::done, Mailbox::leaving })
        change(mailbox, stale, Mailbox::idle);
    tell_starter(b, slot);

    while (__atomic_load_n(&b.leave, __ATOMIC_ACQUIRE) == 0) {
        if (change(mailbox, Mailbox::posted, Mailbox::running)) {
            mine.result = static_cast<std::int32_t>(close_windows(b, { mine.first, mine.last }));
            __atomic_store_n(mailbox, static_cast<std::uint32_t>(Mailbox::done), __ATOMIC_RELEASE);
            bare_syscall(SYS_futex, reinterpret_cast<long>(mailbox), FUTEX_WAKE, 1);
            continue;
        }
        auto const seen { __atomic_load_n(mailbox, __ATOMIC_ACQUIRE) };
        if (seen != static_cast<std::uint32_t>(Mailbox::posted) && seen != static_cast<std::uint32_t>(Mailbox::leaving))
            bare_syscall(SYS_futex, reinterpret_cast<long>(mailbox), FUTEX_WAIT, seen, 0);
    }
    robust.release(&mine.liveness);
    os::exit_bare_thread();
}

} // namespace gmem::memory
