#pragma once
// What the hypervisor does to the RMP: RMPUPDATE, PSMASH, RMPREAD. AMD APM volume 3; platform-models.md 1.2.

#include "platform/snp/rmp.hpp"

namespace gmem::platform::snp {

// What the instructions leave in EAX. The numbers are the vendor's.
enum class Eax : std::uint32_t { success = 0, fail_input = 1, fail_permission = 2, fail_inuse = 3, fail_overlap = 4, fail_sizemismatch = 6 };

// What RMPUPDATE writes. gpa >> 12; an unassigned page has neither asid nor frame nor immutable.
struct NewState final {
    bool assigned { false };
    PageSize size { PageSize::small };
    bool immutable { false };
    std::uint16_t asid { 0 };
    std::uint64_t frame { 0 };

    // KVM's rmp_make_private() and rmp_make_shared().
    static constexpr NewState guests(std::uint16_t asid, std::uint64_t frame, bool immutable, PageSize size = PageSize::small) noexcept
    {
        return { true, size, immutable, asid, frame };
    }
    static constexpr NewState shared(PageSize size = PageSize::small) noexcept { return { false, size, false, 0, 0 }; }
};

// In this order:
//   FAIL_INPUT       a page, asid, frame or combination that does not exist, or (2 MiB) is not aligned
//   FAIL_INUSE       another processor is at one of the entries
//   FAIL_PERMISSION  the entry is immutable
//   FAIL_OVERLAP     2 MiB over 4 KiB entries that are in use, or 4 KiB inside of a 2 MiB entry
// Success clears Validated and the VMSA bit and gives VMPL0 everything, the others nothing; also when nothing else changes (assumption).
Eax rmpupdate(Rmp const &, PageNo, NewState const &) noexcept;

// One 2 MiB entry becomes 512 of 4 KiB; what they say stays, Validated too. `p` is the first page.
//   FAIL_INPUT: not aligned, or no 2 MiB entry; FAIL_INUSE; FAIL_PERMISSION: immutable (assumption).
Eax psmash(Rmp const &, PageNo p) noexcept;

// What RMPREAD of newer processors tells.
struct RmpReadResult final {
    std::uint64_t gpa;
    bool assigned;
    PageSize page_size;
    bool hpage_region_status; // is a 4 KiB page of the 2 MiB around it assigned?
    bool immutable;
    std::uint16_t asid;

    friend constexpr bool operator==(RmpReadResult const &, RmpReadResult const &) = default;
};
RmpReadResult rmpread(Rmp const &, PageNo) noexcept;

} // namespace gmem::platform::snp
