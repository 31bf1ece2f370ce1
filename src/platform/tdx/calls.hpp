#pragma once
// The calls, and in which states of the TD each is allowed: one row each (platform-models.md 2.1). A row with "assumption" is from general
// knowledge of Intel's documents and not read in the module's source.

#include "platform/tdx/td_state.hpp"

#include <array>

namespace gmem::platform::tdx {

enum class Call : std::uint8_t {
    mng_key_config,
    mng_addcx,
    mng_init,
    vp_init, // VP.CREATE, ADDCX and INIT in one
    vp_enter,
    vp_flush,
    mem_sept_add,
    mem_sept_remove,
    mem_page_add,
    mr_extend,
    mem_page_aug,
    mem_page_accept,
    mem_range_block,
    mem_range_unblock,
    mem_track,
    mem_page_remove,
    mem_page_demote,
    mem_page_promote,
    mr_finalize,
    mng_vpflushdone,
    phymem_cache_wb,
    mng_key_freeid,
    phymem_page_reclaim,
};
inline constexpr std::size_t call_count { static_cast<std::size_t>(Call::phymem_page_reclaim) + 1 };

// Sets of operation states.
inline constexpr unsigned in_uninitialized { 1 }, in_initialized { 2 }, in_runnable { 4 };
inline constexpr unsigned after_init { in_initialized | in_runnable }, in_any { 7 };

struct CallRow final {
    Call call;
    char const *name;
    Life life;
    unsigned op;
};

inline constexpr std::array<CallRow, call_count> calls { {
    { Call::mng_key_config, "TDH.MNG.KEY.CONFIG", Life::hkid_assigned, in_any },
    { Call::mng_addcx, "TDH.MNG.ADDCX", Life::keys_configured, in_uninitialized },  // assumption
    { Call::mng_init, "TDH.MNG.INIT", Life::keys_configured, in_uninitialized },
    { Call::vp_init, "TDH.VP.INIT", Life::keys_configured, in_initialized },        // assumption: no vCPU comes after FINALIZE
    { Call::vp_enter, "TDH.VP.ENTER", Life::keys_configured, in_runnable },
    { Call::vp_flush, "TDH.VP.FLUSH", Life::keys_configured, after_init },          // assumption
    { Call::mem_sept_add, "TDH.MEM.SEPT.ADD", Life::keys_configured, after_init },
    { Call::mem_sept_remove, "TDH.MEM.SEPT.REMOVE", Life::keys_configured, after_init }, // assumption
    { Call::mem_page_add, "TDH.MEM.PAGE.ADD", Life::keys_configured, in_initialized },
    { Call::mr_extend, "TDH.MR.EXTEND", Life::keys_configured, in_initialized },
    { Call::mem_page_aug, "TDH.MEM.PAGE.AUG", Life::keys_configured, after_init },
    { Call::mem_page_accept, "TDG.MEM.PAGE.ACCEPT", Life::keys_configured, in_runnable },
    { Call::mem_range_block, "TDH.MEM.RANGE.BLOCK", Life::keys_configured, after_init },
    { Call::mem_range_unblock, "TDH.MEM.RANGE.UNBLOCK", Life::keys_configured, after_init },
    { Call::mem_track, "TDH.MEM.TRACK", Life::keys_configured, after_init },
    { Call::mem_page_remove, "TDH.MEM.PAGE.REMOVE", Life::keys_configured, after_init },
    { Call::mem_page_demote, "TDH.MEM.PAGE.DEMOTE", Life::keys_configured, after_init },
    { Call::mem_page_promote, "TDH.MEM.PAGE.PROMOTE", Life::keys_configured, after_init },
    { Call::mr_finalize, "TDH.MR.FINALIZE", Life::keys_configured, in_initialized },
    { Call::mng_vpflushdone, "TDH.MNG.VPFLUSHDONE", Life::keys_configured, in_any },
    { Call::phymem_cache_wb, "TDH.PHYMEM.CACHE.WB", Life::blocked, in_any },
    { Call::mng_key_freeid, "TDH.MNG.KEY.FREEID", Life::blocked, in_any },
    { Call::phymem_page_reclaim, "TDH.PHYMEM.PAGE.RECLAIM", Life::teardown, in_any },
} };

constexpr CallRow const &row_of(Call c) noexcept { return calls[static_cast<std::size_t>(c)]; }

// Success: the TD's state allows the call.
constexpr Seam admitted(Call c, TdState const &td) noexcept
{
    auto const &row { row_of(c) };
    if (td.busy)
        return Seam::operand_busy;
    if (td.life != row.life)
        return Seam::lifecycle_state_incorrect;
    if (!(row.op & (1u << static_cast<unsigned>(td.op))))
        return Seam::op_state_incorrect;
    return Seam::success;
}

// Sanity checks
static_assert([] {
    for (std::size_t i { 0 }; i < call_count; ++i)
        if (static_cast<std::size_t>(calls[i].call) != i)
            return false;
    return true;
}());

} // namespace gmem::platform::tdx
