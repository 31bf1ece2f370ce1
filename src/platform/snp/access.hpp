#pragma once
// The RMP check of every access: platform-models.md 1.3 (mem: AMD APM volume 2, "RMP and VMPL access checks"). Changes nothing.

#include "platform/snp/faults.hpp"
#include "platform/snp/rmp.hpp"
#include "platform/verdict.hpp"

namespace gmem::platform::snp {

// The host's kernel through its direct map, or a device. `mapping`: the size with which it is mapped. A write is also the setting of the
// accessed and dirty bits.
struct HostAccess final {
    Access access { Access::read };
    PageSize mapping { PageSize::small };
};
Fault host_check(Rmp const &, PageNo, HostAccess) noexcept;

struct GuestAccess final {
    std::uint16_t asid;    // of the VM that runs
    std::uint64_t frame;   // gpa >> 12
    bool c_bit { true };
    std::uint8_t vmpl { 0 };
    std::uint8_t rights { permission::read }; // what the access needs: one of permission::*
    PageSize mapping { PageSize::small }; // in the nested page table
};
Fault guest_check(Rmp const &, PageNo, GuestAccess const &) noexcept;

// The checks that PVALIDATE and RMPADJUST share with every access through C=1: is the page this guest's, here, and not the firmware's?
Fault ownership_check(RmpEntry const &, std::uint16_t asid, std::uint64_t frame) noexcept;

} // namespace gmem::platform::snp
