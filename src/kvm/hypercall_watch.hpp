#pragma once
// Gets vCPUs out of KVM_RUN. Those that may be stuck at a hypercall, on hosts that repeat the instruction for ever (hypercall_probe.hpp): a thread
// looks which ones have not come back for a while, and kicks them; what they are doing is for their own thread to see. And all of a VM, while
// its memslots are not what its guest may see (vm_pieces.cpp).
//
// Invariants:
//   W1  a kick reaches a thread only between its enter() and its leave(): elsewhere it would end a system call of the program.
//   W2  an enter() that expel() did not see is followed by a look that sees what expel()'s caller had stored before.

#include "base/result.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gmem::kvm {

class RunBeacon final {
public:
    // Around each KVM_RUN, by the vCPU's thread.
    void enter(int tid, std::uint64_t vm) noexcept
    {
        tid_.store(tid, std::memory_order_relaxed);
        vm_.store(vm, std::memory_order_relaxed);
        runs_.store(runs_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        state_.store(running, std::memory_order_seq_cst); // W2
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
    void expel(std::uint64_t vm) noexcept;

    std::atomic<std::uint32_t> state_ { idle };
    std::atomic<std::uint32_t> runs_ { 0 };
    std::atomic<int> tid_ { 0 };
    std::atomic<std::uint64_t> vm_ { 0 };
    // The watching thread's own.
    std::uint32_t seen_runs_ { 0 };
    std::uint32_t stayed_ { 0 }, due_ { 0 }; // in looks
};

class HypercallWatch final {
public:
    static constexpr std::size_t most { 16384 };

    // Starts the thread, once a process. ENOMEM, EAGAIN.
    static Status start() noexcept;

    // Without the thread: what expel() needs, once a process.
    static Status prepare() noexcept;

    // No vCPU of the VM with that identity is in KVM_RUN when this returns, nor will be before its thread has looked: after enter(), at whatever the
    // caller stored (seq_cst) before.
    static void expel(std::uint64_t vm) noexcept;

    // The beacon of vCPU number `index`.
    static RunBeacon &beacon(std::size_t index) noexcept;

private:
    [[noreturn]] static void watch(void *) noexcept;
};

} // namespace gmem::kvm
