#pragma once
// What the TDX module answers: the completion statuses of SEAMCALLs and TDCALLs that this model gives (platform-models.md 2.1, 2.4).

#include <cerrno>
#include <cstdint>

namespace gmem::platform::tdx {

enum class Seam : std::uint8_t {
    success,
    operand_busy,    // another thread holds what the call needs: the host tries again
    operand_invalid, // an address that is not aligned, a level that the call does not have, a page outside
    page_metadata_incorrect,
    lifecycle_state_incorrect,
    op_state_incorrect,
    tdcs_not_allocated,
    no_vcpus,
    flushvp_not_done,
    wbcache_not_complete,
    td_associated_pages_exist,
    ept_walk_failed,
    ept_entry_state_incorrect,
    ept_invalid_promote_conditions,
    gpa_range_already_blocked,
    gpa_range_not_blocked,
    tlb_tracking_not_done,
    previous_tlb_epoch_busy,
    page_already_accepted,
    page_size_mismatch,
    ept_violation, // no status: the TDCALL does not return, the TD exits and names the page and ACCEPT
};
inline constexpr std::size_t seam_count { static_cast<std::size_t>(Seam::ept_violation) + 1 };

constexpr char const *name_of(Seam s) noexcept
{
    switch (s) {
    case Seam::success:                        return "TDX_SUCCESS";
    case Seam::operand_busy:                   return "TDX_OPERAND_BUSY";
    case Seam::operand_invalid:                return "TDX_OPERAND_INVALID";
    case Seam::page_metadata_incorrect:        return "TDX_PAGE_METADATA_INCORRECT";
    case Seam::lifecycle_state_incorrect:      return "TDX_LIFECYCLE_STATE_INCORRECT";
    case Seam::op_state_incorrect:             return "TDX_OP_STATE_INCORRECT";
    case Seam::tdcs_not_allocated:             return "TDX_TDCS_NOT_ALLOCATED";
    case Seam::no_vcpus:                       return "TDX_NO_VCPUS";
    case Seam::flushvp_not_done:               return "TDX_FLUSHVP_NOT_DONE";
    case Seam::wbcache_not_complete:           return "TDX_WBCACHE_NOT_COMPLETE";
    case Seam::td_associated_pages_exist:      return "TDX_TD_ASSOCIATED_PAGES_EXIST";
    case Seam::ept_walk_failed:                return "TDX_EPT_WALK_FAILED";
    case Seam::ept_entry_state_incorrect:      return "TDX_EPT_ENTRY_STATE_INCORRECT";
    case Seam::ept_invalid_promote_conditions: return "TDX_EPT_INVALID_PROMOTE_CONDITIONS";
    case Seam::gpa_range_already_blocked:      return "TDX_GPA_RANGE_ALREADY_BLOCKED";
    case Seam::gpa_range_not_blocked:          return "TDX_GPA_RANGE_NOT_BLOCKED";
    case Seam::tlb_tracking_not_done:          return "TDX_TLB_TRACKING_NOT_DONE";
    case Seam::previous_tlb_epoch_busy:        return "TDX_PREVIOUS_TLB_EPOCH_BUSY";
    case Seam::page_already_accepted:          return "TDX_PAGE_ALREADY_ACCEPTED";
    case Seam::page_size_mismatch:             return "TDX_PAGE_SIZE_MISMATCH";
    case Seam::ept_violation:                  return "EPT violation";
    }
    __builtin_unreachable();
}

// What KVM makes of it: 0, EBUSY (and it tries again), or EIO.
constexpr int errno_of(Seam s) noexcept
{
    return s == Seam::success ? 0 : s == Seam::operand_busy || s == Seam::previous_tlb_epoch_busy ? EBUSY : EIO;
}

} // namespace gmem::platform::tdx
