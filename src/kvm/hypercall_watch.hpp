#pragma once
// Finds vCPUs that may be stuck at a hypercall, on hosts that repeat the instruction for ever (hypercall_probe.hpp): a thread that
// looks which vCPUs have not come back from KVM_RUN for a while, and kicks them. What they are doing is for their own thread to see.
//
// Invariants:
//   W1  a kick reaches a thread only between its enter() and its leave(): elsewhere it would end a system call of the program.

#include "base/result.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gmem::kvm {

class RunBeacon final {
public:
    // Around each KVM_RUN, by the vCPU's thread.
    void enter(int tid) noexcept
    {
        tid_.store(tid, std::memory_order_relaxed);
        runs_.store(runs_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        state_.store(running, std::memory_order_release);
    }
    // True: there was a kick, and it has been delivered.
    bool leave() noexcept
    {
        std::uint32_t seen { running };
        return !state_.compare_exchange_strong(seen, idle, std::memory_order_acq_rel) && leave_after_kick();
    }

private:
    friend class HypercallWatch;
    enum : std::uint32_t { idle, running, kicking, kicked };

    bool leave_after_kick() noexcept;
    bool look() noexcept;

    std::atomic<std::uint32_t> state_ { idle };
    std::atomic<std::uint32_t> runs_ { 0 };
    std::atomic<int> tid_ { 0 };
    // The watching thread's own.
    std::uint32_t seen_runs_ { 0 };
    std::uint32_t stayed_ { 0 }, due_ { 0 }; // in looks
};

class HypercallWatch final {
public:
    static constexpr std::size_t most { 16384 };

    // Starts the thread, once a process. ENOMEM, EAGAIN.
    static Status start() noexcept;

    // The beacon of vCPU number `index`.
    static RunBeacon &beacon(std::size_t index) noexcept;

private:
    [[noreturn]] static void watch(void *) noexcept;
};

} // namespace gmem::kvm
