#pragma once
// What a call needs to know of the TD: life cycle (TDR), operation state (TDCS), and the epochs of its TLBs (platform-models.md 2.1, 2.2).

#include "platform/tdx/status.hpp"
#include "platform/vm_state.hpp"

namespace gmem::platform::tdx {

// Of the key: a TD has memory of its own from KEYS_CONFIGURED on, and gives it back in TEARDOWN.
enum class Life : std::uint8_t { hkid_assigned, keys_configured, blocked, teardown };
// Numbers of the module.
enum class Op : std::uint8_t { uninitialized = 0, initialized = 1, runnable = 2 };

constexpr char const *name_of(Life l) noexcept
{
    switch (l) {
    case Life::hkid_assigned:   return "TD_HKID_ASSIGNED";
    case Life::keys_configured: return "TD_KEYS_CONFIGURED";
    case Life::blocked:         return "TD_BLOCKED";
    case Life::teardown:        return "TD_TEARDOWN";
    }
    __builtin_unreachable();
}
constexpr char const *name_of(Op o) noexcept
{
    switch (o) {
    case Op::uninitialized: return "UNINITIALIZED";
    case Op::initialized:   return "INITIALIZED";
    case Op::runnable:      return "RUNNABLE";
    }
    __builtin_unreachable();
}

// vCPUs inside the TD: those that entered in the present epoch, and in the one before. Nobody can be further behind: TRACK sees to it.
struct Inside final {
    std::uint32_t now, before;
};

struct TdState final {
    Life life;
    Op op;
    std::uint16_t id;     // owner of its pages; never 0
    std::uint64_t *epoch; // VmState::epoch
    Inside inside {};
    bool busy { false };  // somebody else is in the middle of a call: for tests of the host's retries
};

// The TD as every process sees it that shares the file: between INIT and the teardown, and no vCPU inside, because KVM has kicked them all.
inline TdState td_state_of(VmState &vm) noexcept
{
    auto const running { vm.phase.load(std::memory_order_acquire) == Phase::running };
    return { Life::keys_configured, running ? Op::runnable : Op::initialized, vm.id, &vm.epoch };
}

// Can no TLB have an entry any more that was blocked in `block_epoch`?
constexpr bool tracked(TdState const &td, std::uint64_t block_epoch) noexcept
{
    return *td.epoch > block_epoch + 1 || (*td.epoch == block_epoch + 1 && td.inside.before == 0);
}

} // namespace gmem::platform::tdx
