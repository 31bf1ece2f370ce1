#pragma once
// One trust domain: life cycle, launch, vCPUs, and the control pages that it was given. Of one process and under its VM's lock; the pages of
// its memory and the epoch of its TLBs are in shared memory and belong to all (Pages, VmState).
//
// Invariants:
//   D1  life only goes forward: HKID_ASSIGNED, KEYS_CONFIGURED, BLOCKED, TEARDOWN; and so does op
//   D2  the measurement is that of the pages that were added, in that order, and stands still from FINALIZE on
//   D3  the TDR, which is the TD, is the last page to go

#include "platform/tdx/memory_calls.hpp"
#include "platform/tdx/mrtd.hpp"

namespace gmem::platform::tdx {

inline constexpr unsigned tdcs_pages { 4 }; // assumption: TDCX pages that INIT wants; TDH.SYS.INFO tells the real number

class Td final {
public:
    // TDH.MNG.CREATE: the TDR is there, and a key number is bound to it. `id`: as in VmState, never 0.
    explicit Td(std::uint16_t id) noexcept : id_ { id } {}

    Life life() const noexcept { return life_; }
    Op op() const noexcept { return op_; }
    unsigned vcpus() const noexcept { return vcpus_; }
    bool removed() const noexcept { return removed_; }
    Mrtd const &mrtd() const noexcept { return mrtd_; } // started by init()

    // For calls on memory: the TD with the epoch of this file.
    TdState state(VmState &vm) const noexcept { return { life_, op_, id_, &vm.epoch, inside_ }; }

    Seam key_config() noexcept;
    Seam add_tdcx() noexcept;
    // OPERAND_BUSY: no hash was to be had.
    Seam init() noexcept;
    Seam create_vcpu() noexcept;
    Seam page_add(Pages &, Place const &, std::byte const *source) noexcept;
    // The 256 bytes from `offset` on; OPERAND_INVALID unless it is a multiple of 256 inside of the page.
    Seam extend(Pages const &, Place const &, std::uint64_t offset) noexcept;
    // The caller sets VmState::phase of every file of the VM on success.
    Seam finalize() noexcept;

    // A vCPU goes into the TD, in the epoch of that moment (VmState::epoch), and comes out of it; `entered`: that epoch.
    Seam enter() noexcept;
    void leave(VmState const &vm, std::uint64_t entered) noexcept;
    Seam track(VmState &vm) noexcept;

    Seam sept_add(VmState &vm, Upper &) noexcept;
    Seam sept_remove(VmState &vm, Upper &) noexcept;
    Seam demote(Pages &, Place const &) noexcept;
    Seam promote(Pages &, Place const &) noexcept;

    // The end. Each vCPU is flushed, then the key goes, then the pages: those of the memory, the control pages of each type, and the TDR.
    Seam flush_vcpu() noexcept;
    Seam vpflushdone() noexcept;
    Seam cache_writeback() noexcept;
    Seam key_freeid() noexcept;
    Seam reclaim_control_page(PageType) noexcept;
    // `left`: pages of its memory that are still the TD's.
    Seam reclaim_tdr(std::uint64_t left) noexcept;

private:
    TdState bare() const noexcept { return { life_, op_, id_, nullptr, inside_ }; }

    Mrtd mrtd_;
    Inside inside_ {};
    unsigned vcpus_ { 0 };
    unsigned associated_ { 0 }; // vCPUs that some processor may hold state of
    unsigned tdcx_pages_ { 0 }, tdvpr_pages_ { 0 }, sept_pages_ { 0 };
    std::uint16_t id_;
    Life life_ { Life::hkid_assigned };
    Op op_ { Op::uninitialized };
    bool written_back_ { false };
    bool removed_ { false };
};

// Pages of this file that are the TD's.
std::uint64_t pages_left(Pages const &, std::uint16_t id) noexcept;

} // namespace gmem::platform::tdx
