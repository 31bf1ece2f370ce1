#pragma once
// The other processes of one gmem, asked to close their windows on a range. Lives for one conversion, under the gmem's lock.
//
// A peer that is gone owes nothing. One that is stopped (SIGSTOP, a debugger, the freezer) cannot be waited for: after a bound the
// conversion fails, with nothing changed.

#include "base/units.hpp"
#include "memory/peer_slot.hpp"
#include "os/clock.hpp"

#include <atomic>

namespace gmem::memory {

class Peers final {
public:
    // `attached`: bit n, slot n may have open pages; bits of the dead are cleared.
    Peers(PeerSlot *slots, std::atomic<std::uint64_t> &attached, unsigned mine, PageRange r) noexcept;

    bool none() const noexcept { return pending_ == 0; }

    // Puts the question into every mailbox that is free. The answer is awaited later: meanwhile the caller closes its own windows.
    void ask() noexcept;

    enum class Answer : std::uint8_t {
        closed, // no peer can reach the range
        silent, // one did not answer in time: culprit()
        failed, // one could not close a window: culprit()
    };
    Answer wait(os::Nanoseconds longest) noexcept;

    int culprit() const noexcept { return culprit_; }

    // One that is to be asked; 0: none lives.
    int any_process() const noexcept;

private:
    bool try_to_ask(unsigned peer) noexcept;
    enum class Progress : std::uint8_t { closed, failed, wait };
    Progress progress_of(unsigned peer) noexcept;
    void forget(unsigned peer) noexcept;

    PeerSlot *slots_;
    std::atomic<std::uint64_t> &attached_;
    PageRange range_;
    std::uint64_t pending_; // not known to be closed yet
    std::uint64_t asked_ { 0 };
    int culprit_ { 0 };
};

} // namespace gmem::memory
