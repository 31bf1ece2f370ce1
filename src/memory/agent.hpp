#pragma once
// This process's membership in one gmem: a slot in the control block, held by a thread that closes our windows when another process
// asks. Processes that share a gmem need nothing else in common: no session, no pids, no signals.
//
// Invariants:
//   A1  slot() >= 0 exactly while the agent thread runs and holds the liveness word of that slot.
//   A2  a page of this process's windows becomes open only under the gmem's lock, and only while A1 holds.

#include "memory/agent_loop.hpp"
#include "os/mutex.hpp"

#include <atomic>

namespace gmem::memory {

class Agent final {
public:
    // -1: not a member yet.
    int slot() const noexcept { return slot_.load(std::memory_order_acquire); }

    // Idempotent. ENOMEM: no memory for the thread, or most_peers processes are members. Signals must be blocked.
    Status start(GuestMemory const &file, PeerSlot *slots) noexcept;

    // Ends the thread and frees the slot. No window of ours may be left. Signals must be blocked.
    void stop() noexcept;

    // In a forked child: the thread was not copied, and the child is no member.
    void forget_after_fork() noexcept;

private:
    Status start_locked(GuestMemory const &file, PeerSlot *slots) noexcept;
    void free_memory() noexcept;

    os::Mutex lock_;
    std::atomic<int> slot_ { -1 };
    std::byte *memory_ { nullptr }; // stack, then a page with the fake TLS block and the AgentBirth
    AgentBirth *birth_ { nullptr };
    PeerSlot *slots_ { nullptr };
};

} // namespace gmem::memory
