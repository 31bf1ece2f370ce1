#pragma once
// What the guest does to the RMP: PVALIDATE and RMPADJUST. AMD APM volume 3; platform-models.md 1.2 (mem).

#include "platform/snp/access.hpp"
#include "platform/snp/host_instructions.hpp"

namespace gmem::platform::snp {

// Who executes the instruction, and what its rAX names: a page of its own, through the nested page table.
struct Executes final {
    std::uint16_t asid;
    std::uint64_t frame; // gpa >> 12
    std::uint8_t vmpl { 0 };
    PageSize mapping { PageSize::small }; // of the nested page table
};

// Either a fault, and nothing was done, or EAX (and for PVALIDATE the carry flag).
struct Executed final {
    Eax eax { Eax::success };
    bool carry { false }; // PVALIDATE changed nothing: a guest takes that for an attack
    Fault fault {};

    friend constexpr bool operator==(Executed const &, Executed const &) = default;
};

enum class Validate : bool { rescind, validate };

// Sets or clears Validated of 4 KiB or of 2 MiB. In this order:
//   #GP                 not at VMPL0 (assumption)
//   FAIL_INPUT          2 MiB, and the page is not aligned
//   #NPF RMP|ENC        the page is not this guest's at this gpa
//   #NPF RMP|ENC|SIZEM  4 KiB of a 2 MiB entry: the host does PSMASH and resumes
//   FAIL_SIZEMISMATCH   2 MiB over 4 KiB entries
// Permissions stay (assumption).
Executed pvalidate(Rmp const &, PageNo, Executes const &, PageSize, Validate) noexcept;

// What RMPADJUST writes, RDX.
struct Adjustment final {
    std::uint8_t target_vmpl;
    std::uint8_t permissions;
    bool vmsa { false };
};

// Changes what a lower privilege level may do, and the VMSA bit. In this order:
//   FAIL_INPUT          no such VMPL or permission, 2 MiB not aligned, or a VMSA of 2 MiB
//   FAIL_PERMISSION     the target is not a lower level; the VMSA bit, but not at VMPL0
//   #NPF, FAIL_SIZEMISMATCH as PVALIDATE
//   #VC 0x404           not validated
//   FAIL_PERMISSION     a permission that the caller itself has not
Executed rmpadjust(Rmp const &, PageNo, Executes const &, PageSize, Adjustment const &) noexcept;

} // namespace gmem::platform::snp
