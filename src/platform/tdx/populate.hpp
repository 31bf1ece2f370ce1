#pragma once
// One page of KVM_TDX_INIT_MEM_REGION, as KVM does it: TDH.MEM.PAGE.ADD, and where it is measured 16 times TDH.MR.EXTEND (platform-models.md 2.4;
// guest_memfd specification 5.3).

#include "attributes/attribute.hpp"
#include "platform/tdx/td.hpp"

namespace gmem::platform::tdx {

enum class Measure : std::uint8_t { no, yes };

struct LaunchPage final {
    PageNo page;
    std::uint64_t frame;
    Attribute attribute;     // the page's, now
    std::byte const *source; // one page that the host reads; null: the page itself (source_addr 0, in place)
    Measure measure;
    bool existed;            // did anybody touch the page before this call, so that it had memory?
};

struct Launched final {
    // The image has a page that nobody ever wrote: it is all zeros, the TD starts, and hangs without a word.
    bool never_written;
};

// EINVAL: the TD is finalized or not yet initialised or has no vCPU, the page is shared or outside of the file. EBUSY: try again.
// EIO: the module refused, as it does for a page that is in the Secure-EPT already.
Result<Launched> populate(Td &, Pages &, LaunchPage const &) noexcept;

} // namespace gmem::platform::tdx
