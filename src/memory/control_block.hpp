#pragma once
// The part of a gmem that all its processes share: a memfd of fixed layout, without pointers, next to the memory itself.
//
//   byte 0      ControlHeader
//   byte 4096   AttributeMap (attributes/attribute_map.hpp)
//   behind it   ExtentMap (attributes/extent_map.hpp), never touched without huge pages
//
// Invariants:
//   C1  everything up to AttributeMap's eager part is resident from creation on.
//   C2  the attribute map changes only under header().lock, and only in pages that stage() made resident.
//   C3  a bit of `attached` is set while that process may have an open page in a window of this gmem.

#include "attributes/attribute_map.hpp"
#include "attributes/extent_map.hpp"
#include "base/result.hpp"
#include "memory/counters.hpp"
#include "os/helper.hpp"
#include "os/mutex.hpp"

namespace gmem::memory {

struct ControlHeader final {
    static constexpr std::uint64_t expected_magic { 0x31306d656d67 }; // "gmem01"

    std::uint64_t magic;
    std::uint64_t pages;
    os::Mutex lock; // conversions, punch holes, opening of windows; outermost of all locks
    std::uint32_t padding;
    std::atomic<std::uint64_t> attached; // bit n: process slot n of the session
    Counters counters;
    std::uint64_t huge_pages; // 1: this gmem was made with huge pages
};
static_assert(sizeof(ControlHeader) <= page_size);

class ControlBlock final {
public:
    // Makes the memfd (in the helper's table) and maps it. The mapping is inherited by forked children on purpose.
    static Result<ControlBlock> create(PageNo pages, Attribute initial, bool huge_pages) noexcept;

    void destroy() noexcept;

    ControlHeader &header() const noexcept { return *reinterpret_cast<ControlHeader *>(base_); }
    AttributeMap attributes() const noexcept { return { base_ + page_size, pages_ }; }

    ExtentMap extents() const noexcept { return { base_ + extents_at(pages_), pages_ }; }
    bool stage_extents(PageRange r) noexcept;

    // Makes resident what a commit of `r` may dirty. ENOMEM otherwise, at r.first(). The caller holds header().lock.
    Status stage(PageRange r) noexcept;

    os::HelperFd file() const noexcept { return file_; }
    void moved_in_helper(os::HelperFd fd) noexcept { file_ = fd; }

    constexpr ControlBlock() noexcept = default;

private:
    static std::size_t bytes(PageNo pages) noexcept;
    static constexpr std::size_t extents_at(PageNo pages) noexcept { return page_size + AttributeMap::layout(pages).total_bytes; }

    os::HelperFd file_ { os::HelperFd::none };
    std::byte *base_ { nullptr };
    PageNo pages_ { 0 };
};

} // namespace gmem::memory
