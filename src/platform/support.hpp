#pragma once
// What a conversion with a content mode is answered, and what guest_memfd itself does to the bytes: profile x platform x direction x mode x phase.
// What the trusted side does to them on top is its own affair (platform.hpp). platform-models.md 7; every row says who says so.

#include "attributes/attribute.hpp"
#include "platform/kind.hpp"
#include "platform/uapi.hpp"
#include "platform/vm_state.hpp"

namespace gmem::platform {

// On every page of the range that has memory; holes have nothing to lose and read as zeros (platform-models.md 7.6 (9)).
enum class ContentEffect : std::uint8_t {
    none,
    zero,     // after make_shared, before the caller can look
    scramble, // random bytes, so that nobody relies on any
};

struct Decision final {
    int err;             // 0, or what the caller gets before anything is touched: EOPNOTSUPP with error_offset at the range's start, EINVAL for flags that the version lacks
    ContentEffect effect; // none where err is not 0
    char const *source;  // who says so
};

// Total. Asked first under the file's lock, before anybody looks whether the pages have the attribute already.
Decision decide(Uapi, Kind, Attribute to, ContentMode, Phase) noexcept;

} // namespace gmem::platform
