#pragma once
// Which guest frames of a VM are private, where the VM tracks it: an attribute map over the whole guest physical address space, most
// of which never becomes real memory. PageNo is a guest frame number here.

#include "attributes/attribute_map.hpp"
#include "base/result.hpp"

namespace gmem::kvm {

class FrameAttributes final {
public:
    // The 52 bits of an x86-64 guest physical address. Frames beyond are shared, and setting one is ENOMEM.
    static constexpr PageNo end { std::uint64_t { 1 } << (52 - page_bits) };

    // Addresses for the map; ENOMEM.
    Status reserve() noexcept;
    void clear() noexcept;

    Attribute at(PageNo frame) const noexcept { return base_ && frame < end ? map().at(frame) : Attribute::shared; }
    // The end of the run of frames that begins at `from` with its attribute, at most `limit`.
    PageNo end_of_run(PageNo from, PageNo limit) const noexcept;

    Status stage(PageRange r) noexcept;
    void commit(PageRange r, Attribute a) noexcept { map().commit(r, a); }

    char const *audit() const noexcept { return base_ ? map().audit() : nullptr; }

private:
    AttributeMap map() const noexcept { return { base_, end }; }

    std::byte *base_ { nullptr };
};

} // namespace gmem::kvm
