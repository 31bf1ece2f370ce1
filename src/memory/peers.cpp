#include "memory/peers.hpp"

#include <bit>

namespace gmem::memory {
namespace {

// How often a peer that does not answer is looked at: has it died?
constexpr os::Nanoseconds between_looks { os::milliseconds(2) };

constexpr std::uint64_t bit(unsigned peer) noexcept { return std::uint64_t { 1 } << peer; }

std::atomic_ref<std::uint32_t> mailbox_of(PeerSlot &s) noexcept { return std::atomic_ref { s.mailbox }; }

} // namespace

Peers::Peers(PeerSlot *slots, std::atomic<std::uint64_t> &attached, unsigned mine, PageRange r) noexcept
    : slots_ { slots }, attached_ { attached }, range_ { r }, pending_ { attached.load(std::memory_order_acquire) & ~bit(mine) }
{
}

void Peers::forget(unsigned peer) noexcept
{
    pending_ &= ~bit(peer);
    attached_.fetch_and(~bit(peer), std::memory_order_acq_rel);
}

// Under the gmem's lock nobody else writes requests. One that was left behind, by a converter that gave up or died, is taken back
// unless the agent is at it.
bool Peers::try_to_ask(unsigned peer) noexcept
{
    auto &slot { slots_[peer] };
    auto mailbox { mailbox_of(slot) };
    auto seen { mailbox.load(std::memory_order_acquire) };
    if (seen == static_cast<std::uint32_t>(Mailbox::running))
        return false;
    // Out of the agent's reach while the range is being written.
    if (!mailbox.compare_exchange_strong(seen, static_cast<std::uint32_t>(Mailbox::idle), std::memory_order_acq_rel))
        return false;
    slot.first = range_.first().index();
    slot.last = range_.last().index();
    mailbox.store(static_cast<std::uint32_t>(Mailbox::posted), std::memory_order_release);
    os::wake_one(&slot.mailbox);
    asked_ |= bit(peer);
    return true;
}

int Peers::any_process() const noexcept
{
    for (auto left { pending_ }; left != 0; left &= left - 1)
        if (auto const &slot { slots_[std::countr_zero(left)] }; os::holder_lives(__atomic_load_n(&slot.liveness, __ATOMIC_ACQUIRE)))
            return slot.pid;
    return 0;
}

void Peers::ask() noexcept
{
    for (auto left { pending_ }; left != 0; left &= left - 1) {
        auto const peer { static_cast<unsigned>(std::countr_zero(left)) };
        if (!os::holder_lives(__atomic_load_n(&slots_[peer].liveness, __ATOMIC_ACQUIRE)))
            forget(peer);
        else
            try_to_ask(peer);
    }
}

Peers::Progress Peers::progress_of(unsigned peer) noexcept
{
    auto &slot { slots_[peer] };
    if ((asked_ & bit(peer)) && mailbox_of(slot).load(std::memory_order_acquire) == static_cast<std::uint32_t>(Mailbox::done)) {
        if (slot.result == 0)
            return Progress::closed;
        culprit_ = slot.pid;
        return Progress::failed;
    }
    if (!os::holder_lives(__atomic_load_n(&slot.liveness, __ATOMIC_ACQUIRE))) {
        attached_.fetch_and(~bit(peer), std::memory_order_acq_rel);
        return Progress::closed;
    }
    if (!(asked_ & bit(peer)))
        try_to_ask(peer);
    return Progress::wait;
}

Peers::Answer Peers::wait(os::Nanoseconds longest) noexcept
{
    auto answer { Answer::closed };
    std::int64_t begin { -1 };
    while (pending_ != 0) {
        // The one that was asked last: when it has answered, so have most of the others, and nobody was woken in vain.
        auto const peer { 63 - static_cast<unsigned>(std::countl_zero(pending_)) };
        switch (progress_of(peer)) {
        case Progress::failed:
            answer = Answer::failed;
            [[fallthrough]];
        case Progress::closed:
            pending_ &= ~bit(peer);
            continue;
        case Progress::wait:
            break;
        }
        if (begin < 0)
            begin = raw(os::now());
        else if (raw(os::now()) - begin >= raw(longest)) {
            culprit_ = slots_[peer].pid;
            return Answer::silent;
        }
        auto const seen { mailbox_of(slots_[peer]).load(std::memory_order_acquire) };
        if (seen != static_cast<std::uint32_t>(Mailbox::done))
            os::wait_on(&slots_[peer].mailbox, seen, between_looks);
    }
    return answer;
}

} // namespace gmem::memory
