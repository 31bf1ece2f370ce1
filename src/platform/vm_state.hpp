#pragma once
// What the trusted side knows of a VM, as far as the pages of one of its guest_memfds are concerned. Each file carries a copy in memory
// that all its processes share: a conversion may come from a process that never saw the VM. All zero is a VM of kind sw_protected.

#include "platform/kind.hpp"
#include "platform/options.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gmem::platform {

// SNP: LAUNCH_FINISH; TDX: MR.FINALIZE; CCA: ACTIVATE. The others have no launch and are born running.
enum class Phase : std::uint8_t { launching, running };

// What a guest has asked for and the VMM has not yet answered (pKVM's check of unsolicited conversions). Frames, end exclusive.
struct PendingRequest final {
    std::uint64_t first_frame, last_frame; // both 0: free
    bool to_private;
};

struct VmState final {
    static constexpr std::size_t most_pending { 64 }; // more vCPUs than that with a request under way: the oldest is forgotten

    Kind kind;
    std::atomic<Phase> phase;
    Options options;
    std::uint16_t id;      // ASID, HKID, VM handle or VMID; never 0 for a VM with a trusted side
    std::byte key[64];     // AES-256-XTS, of SNP and TDX
    std::uint64_t epoch;   // TDX: the TD's TLB epoch
    std::uint64_t leaked_pages; // SNP: that the firmware would not give back
    std::uint32_t next_pending;
    PendingRequest pending[most_pending];
};
static_assert(sizeof(VmState) <= 2048); // it lies in the control block's header page

} // namespace gmem::platform
