// The watching thread has no TLS and no libc: src/CMakeLists.txt sees to the flags of this file.

#include "kvm/hypercall_watch.hpp"

#include "os/bare_thread.hpp"
#include "os/kick.hpp"
#include "os/mutex.hpp"
#include "os/process_calls.hpp"
#include "os/signals.hpp"

#include <ctime>
#include <linux/futex.h>

namespace gmem::kvm {
namespace {

// A vCPU that stays is kicked after one to two milliseconds, then after twice that, up to sixteen: one that computes for seconds pays
// sixty kicks of some microseconds a second.
constexpr long shortest_nap { 1'000'000 };
constexpr unsigned most_naps { 16 };

constinit RunBeacon beacons[HypercallWatch::most] {};
constinit std::atomic<std::size_t> high { 0 };
constinit os::Mutex start_lock;
constinit int watched_process { 0 };

void nap(long nanoseconds) noexcept
{
    timespec const t { 0, nanoseconds };
    os::bare_syscall(SYS_nanosleep, reinterpret_cast<long>(&t), 0);
}

} // namespace

bool RunBeacon::leave_after_kick() noexcept
{
    // Who kicks is about to make its one system call, or has; after ours the signal has been delivered.
    std::uint32_t expected { kicked };
    do {
        os::system_call(SYS_sched_yield);
        expected = kicked;
    } while (!state_.compare_exchange_strong(expected, idle, std::memory_order_acq_rel));
    os::system_call(SYS_sched_yield);
    return true;
}

// False: this vCPU is not in KVM_RUN.
bool RunBeacon::look() noexcept
{
    if (state_.load(std::memory_order_acquire) != running)
        return false;
    auto const runs { runs_.load(std::memory_order_relaxed) };
    if (runs != seen_runs_) {
        seen_runs_ = runs;
        stayed_ = 0;
        due_ = 1;
        return true;
    }
    if (++stayed_ < due_)
        return true;
    stayed_ = 0;
    due_ = due_ < most_naps ? due_ * 2 : most_naps;
    std::uint32_t expected { running };
    if (state_.compare_exchange_strong(expected, kicking, std::memory_order_acq_rel)) {
        os::bare_kick(tid_.load(std::memory_order_relaxed));
        state_.store(kicked, std::memory_order_release);
        // The thread enters again for the same run: that is not progress.
        seen_runs_ = runs + 1;
    }
    return true;
}

// A kick that comes before KVM_RUN is entered ends nothing: it is repeated.
void RunBeacon::expel(std::uint64_t vm) noexcept
{
    for (;;) {
        auto seen { state_.load(std::memory_order_seq_cst) };
        if (seen == idle || vm_.load(std::memory_order_relaxed) != vm)
            return;
        if (seen != kicking && state_.compare_exchange_strong(seen, kicking, std::memory_order_acq_rel)) {
            bool const alive { os::kick(tid_.load(std::memory_order_relaxed)) };
            state_.store(kicked, std::memory_order_release);
            if (!alive) // of the process that this one was forked from
                return;
        }
        timespec const briefly { 0, 100'000 };
        os::system_call(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, std::uint32_t { kicked }, &briefly, nullptr, 0);
    }
}

void HypercallWatch::expel(std::uint64_t vm) noexcept
{
    for (std::size_t i { 0 }; i < high.load(std::memory_order_seq_cst); ++i)
        beacons[i].expel(vm);
}

Status HypercallWatch::prepare() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { start_lock };
    return os::prepare_kicks();
}

RunBeacon &HypercallWatch::beacon(std::size_t index) noexcept
{
    auto seen { high.load(std::memory_order_relaxed) };
    while (seen <= index && !high.compare_exchange_weak(seen, index + 1, std::memory_order_seq_cst)) {}
    return beacons[index];
}

void HypercallWatch::watch(void *) noexcept
{
    for (unsigned quiet { 0 };;) {
        nap(quiet < 64 ? shortest_nap : most_naps * shortest_nap);
        bool somebody_runs { false };
        for (std::size_t i { 0 }; i < high.load(std::memory_order_acquire); ++i)
            somebody_runs |= beacons[i].look();
        quiet = somebody_runs ? 0 : quiet + 1;
    }
}

Status HypercallWatch::start() noexcept
{
    os::SignalsBlocked blocked;
    os::Locked guard { start_lock };
    if (watched_process == os::process_id())
        return Ok {};
    GMEM_CHECK(os::prepare_kicks());
    GMEM_CHECK(os::start_bare_thread(&watch, nullptr));
    watched_process = os::process_id(); // a forked child has no such thread
    return Ok {};
}

} // namespace gmem::kvm
