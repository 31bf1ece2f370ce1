#pragma once
// SNP's page state change through the GHCB: what KVM makes of the guest's list. platform-models.md 1.6; GHCB specification, "SNP Page State Change".
// Pure: the list is a copy of untrusted bytes, read anew before each step.

#include "gmem/guest_script.h"

#include <cstdint>

namespace gmem::kvm::scripted {

// SW_EXITINFO2 of the event. assumption: the numbers, from memory of KVM.
inline constexpr std::uint64_t psc_invalid_header { std::uint64_t { 1 } << 32 | 1 };
inline constexpr std::uint64_t psc_invalid_entry { std::uint64_t { 1 } << 32 | 2 };
inline constexpr std::uint64_t psc_generic_error { std::uint64_t { 0x100 } << 32 };

struct PageStateStep final {
    enum class What : std::uint8_t { ask, finished } what;
    std::uint64_t status; // finished: SW_EXITINFO2
    // ask: one range of neighbours, all in one direction and of one page size
    std::uint64_t gpa, pages; // pages of 4 KiB
    bool to_private, huge;
    std::uint16_t first, last; // the entries that it is made of
};

// The next range that the VMM is to be asked for, from list.cur_entry on. Entries that nobody has to be asked for (SMASH, UNSMASH, done
// already) are marked as done.
PageStateStep next_step(gmem_guest_psc &list) noexcept;

// The VMM has agreed to the range of a step.
void mark_done(gmem_guest_psc &list, std::uint16_t first, std::uint16_t last) noexcept;

} // namespace gmem::kvm::scripted
