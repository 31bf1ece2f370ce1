#pragma once
// The gate of guest operations: 64 bytes that a guest or its VMM wrote, and what they may mean. include/gmem/guest_script.h is the instruction set.

#include "gmem/guest_script.h"
#include "platform/kind.hpp"
#include "platform/verdict.hpp"

#include <cstdint>
#include <optional>

namespace gmem::kvm::scripted {

// The side of an access; nullopt: whatever the page is.
using Side = std::optional<platform::Side>;

enum class Opcode : std::uint32_t {
    load = GMEM_GUEST_LOAD,
    store = GMEM_GUEST_STORE,
    fill = GMEM_GUEST_FILL,
    check = GMEM_GUEST_CHECK,
    halt = GMEM_GUEST_HALT,
    io_out = GMEM_GUEST_IO_OUT,
    io_in = GMEM_GUEST_IO_IN,
    jump = GMEM_GUEST_JUMP,
    loop = GMEM_GUEST_LOOP,
    map_gpa_range = GMEM_GUEST_MAP_GPA_RANGE,
    psc_msr = GMEM_GUEST_PSC_MSR,
    psc_nae = GMEM_GUEST_PSC_NAE,
    td_mapgpa = GMEM_GUEST_TD_MAPGPA,
    mem_share = GMEM_GUEST_MEM_SHARE,
    mem_unshare = GMEM_GUEST_MEM_UNSHARE,
    mem_relinquish = GMEM_GUEST_MEM_RELINQUISH,
    rsi_ipa_state_set = GMEM_GUEST_RSI_IPA_STATE_SET,
    pvalidate = GMEM_GUEST_PVALIDATE,
    rmpadjust = GMEM_GUEST_RMPADJUST,
    td_accept = GMEM_GUEST_TD_ACCEPT,
};

// An operation that exists is one that the instruction set has: known, with fields in their ranges, nothing reserved set.
struct Operation final {
    Opcode opcode;
    std::uint32_t flags;
    std::uint64_t gpa, size, value, extra;
    std::uint64_t result; // what the last run left: LOOP counts in it

    static constexpr std::uint64_t bytes { sizeof(gmem_guest_op) };
    static constexpr std::uint64_t end_of_memory { std::uint64_t { 1 } << 52 }; // no guest has longer addresses

    static std::optional<Operation> decode(gmem_guest_op const &raw) noexcept;

    // The platform whose it is; nullopt: everybody's.
    std::optional<platform::Kind> platform() const noexcept;

    Side side() const noexcept
    {
        if (flags & GMEM_GUEST_EITHER)
            return std::nullopt;
        return flags & GMEM_GUEST_PRIVATE ? platform::Side::private_ : platform::Side::shared;
    }
    bool to_private() const noexcept { return (flags & GMEM_GUEST_PRIVATE) != 0; }
};

} // namespace gmem::kvm::scripted
