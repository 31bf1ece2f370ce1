#pragma once
// What the agent thread of a gmem knows. Plain data: the thread that reads it is bare (os/bare_thread.hpp).

#include "memory/peer_slot.hpp"
#include "memory/window_table.hpp"

namespace gmem::memory {

struct AgentBirth final {
    PeerSlot *slots; // most_peers of them
    GuestMemory const *file;
    std::uint32_t *space_lock;             // Space::lock(), in os::bare_lock()'s eyes
    WindowTable::Records const *windows;   // under space_lock
    int userfaultfd, empty_file;           // helper's descriptors; -1 where the other engine is used
    std::int32_t slot;                     // the agent's answer: -1 when all slots are taken
    std::uint32_t settled;                 // a futex: 1 once `slot` holds
    std::uint32_t leave;                   // the process wants the thread to end
    std::uint32_t alive;                   // a futex: the kernel clears it when the thread has ended
};

// The agent's life. `birth` is an AgentBirth.
void serve_peers(void *birth) noexcept;

} // namespace gmem::memory
