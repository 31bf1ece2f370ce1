#include "memory/agent.hpp"

#include "memory/process.hpp"
#include "memory/space.hpp"
#include "os/clock.hpp"
#include "os/mapping_calls.hpp"

#include <new>

namespace gmem::memory {
namespace {

constexpr std::size_t stack_bytes { 2 * page_size };
constexpr std::size_t birth_at { stack_bytes + 1024 }; // behind what the compiler may expect of a TLS block
constexpr os::Nanoseconds between_looks { os::milliseconds(10) };

void wait_while(std::uint32_t const *word, std::uint32_t value) noexcept
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
        os::wait_on(word, value, between_looks);
}

} // namespace

Status Agent::start(GuestMemory const &file, PeerSlot *slots) noexcept
{
    os::Locked guard { lock_ };
    return slot() >= 0 ? Status { Ok {} } : start_locked(file, slots);
}

Status Agent::start_locked(GuestMemory const &file, PeerSlot *slots) noexcept GMEM_NO_THREAD_SAFETY
{
    GMEM_TRY(memory, os::map_anonymous(stack_bytes + page_size, MAP_PRIVATE));
    memory_ = reinterpret_cast<std::byte *>(memory);
    slots_ = slots;
    birth_ = ::new (memory_ + birth_at) AgentBirth {
        .slots = slots, .file = &file, .space_lock = Space::lock().word(), .windows = &Space::table().records(),
        .userfaultfd = Process::engine() == Engine::userfaultfd ? static_cast<int>(Process::userfaultfd().in_helper()) : -1,
        .empty_file = static_cast<int>(Process::empty_file()), .slot = -1, .settled = 0, .leave = 0, .alive = 1 };
    auto const tid { os::Helper::start_thread({ .entry = &serve_peers, .argument = birth_, .stack_top = memory_ + stack_bytes,
        .tls = reinterpret_cast<void **>(memory_ + stack_bytes), .alive = &birth_->alive, .table = os::BareTable::of_the_starter }) };
    if (os::failed(tid)) {
        free_memory();
        return Error::of(Why::no_memory, "agent.clone");
    }
    wait_while(&birth_->settled, 0);
    if (birth_->slot < 0) {
        wait_while(&birth_->alive, 1);
        free_memory();
        return Error::of(Why::no_memory, "agent.slots");
    }
    slot_.store(birth_->slot, std::memory_order_release);
    return Ok {};
}

void Agent::stop() noexcept
{
    os::Locked guard { lock_ };
    auto const mine { slot_.exchange(-1, std::memory_order_acq_rel) };
    if (mine < 0)
        return;
    __atomic_store_n(&birth_->leave, 1u, __ATOMIC_RELEASE);
    // Out of its sleep: the word must change. Where a request is under way it looks at `leave` afterwards by itself.
    auto *const mailbox { &slots_[mine].mailbox };
    for (auto const asleep_at : { Mailbox::idle, Mailbox::done }) {
        auto expected { static_cast<std::uint32_t>(asleep_at) };
        __atomic_compare_exchange_n(mailbox, &expected, static_cast<std::uint32_t>(Mailbox::leaving), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    os::wake_one(mailbox);
    wait_while(&birth_->alive, 1);
    free_memory();
}

void Agent::forget_after_fork() noexcept
{
    lock_.reset_after_fork();
    slot_.store(-1, std::memory_order_relaxed);
    if (memory_)
        free_memory();
}

void Agent::free_memory() noexcept
{
    auto const begin { reinterpret_cast<std::uintptr_t>(memory_) };
    os::unmap({ begin, begin + stack_bytes + page_size });
    memory_ = nullptr;
    birth_ = nullptr;
}

} // namespace gmem::memory
