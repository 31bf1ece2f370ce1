#pragma once
// What one process shows the others of itself in a gmem's control block: that it lives, and a mailbox in which they ask it to close
// its windows. Fixed layout, no pointers.

#include "os/robust.hpp"

#include <cstdint>

namespace gmem::memory {

enum class Mailbox : std::uint32_t {
    idle,
    posted,  // a converter asks: written under the gmem's lock
    running, // the agent is at it
    done,    // `result` holds
    leaving, // the process gives the gmem back
};

struct alignas(64) PeerSlot final {
    os::LivenessWord liveness; // held by the agent of the process
    std::uint32_t mailbox;     // Mailbox; a futex of both sides
    std::uint64_t first, last; // pages [first, last) to close
    std::int32_t result;       // 0, or -errno: then the windows may still be open
    std::int32_t pid;          // for messages only
};
static_assert(sizeof(PeerSlot) == 64);

inline constexpr unsigned most_peers { 64 };

} // namespace gmem::memory
