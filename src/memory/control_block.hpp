#pragma once
// The part of a gmem that all its processes share, of fixed layout and without pointers. It lies in the memory's own file, behind the
// guest's pages: whoever holds a descriptor has all of it, whichever way the descriptor came.
//
//   0             the guest's pages
//   control_at    AttributeMap (attributes/attribute_map.hpp)     from a 2 MiB boundary on, so that no huge page holds both
//                 ExtentMap (attributes/extent_map.hpp), never touched without huge pages
//                 PageBits: which pages the platform holds }  never touched where the platform
//                 platform::Record[]                      }  keeps none
//                 PinTable
//                 ControlHeader   one page
//                 PeerSlot[]      one page: the last of the file
//
// Invariants:
//   C1  the header, the slots and the AttributeMap's eager part are resident from creation on.
//   C2  the attribute map changes only under header().lock, and only in pages that stage() made resident.
//   C3  a bit of `attached` is set while that process may have an open page in a window of this gmem.
//   C4  journal.state is `committing` exactly while an attribute change that cannot be undone is not yet complete, and then `committed` until the
//       platform has heard of it.

#include "attributes/attribute_map.hpp"
#include "attributes/extent_map.hpp"
#include "base/result.hpp"
#include "memory/counters.hpp"
#include "memory/file_lock.hpp"
#include "memory/pin_table.hpp"
#include "os/helper.hpp"
#include "os/own_copy.hpp"
#include "platform/record.hpp"
#include "platform/solicited.hpp"
#include "platform/support.hpp"
#include "platform/vm_state.hpp"

namespace gmem::memory {

// What a conversion is about to commit: whoever takes the lock over from a killed process does it again. Or pages whose records the platform is
// at: then the held map follows them again.
struct Journal final {
    enum State : std::uint32_t { nothing, committing, committed, settling };
    std::atomic<std::uint32_t> state;
    Attribute to;
    platform::ContentEffect effect;
    platform::Solicited asked;
    std::uint64_t first, last;
};

// What the file is, for a process that knows nothing but the descriptor.
struct Identity final {
    static constexpr std::uint64_t expected_magic { 0x34306d656d67 }; // "gmem04": the layout's version

    std::uint64_t magic;
    std::uint64_t pages;
    std::uint64_t owner;     // memory::Owner
    std::uint32_t windows;   // memory::Windows
    std::uint32_t conversions; // memory::Conversions
    std::uint64_t huge_pages;  // 1: made with huge pages
};

struct ControlHeader final {
    Identity identity;
    FileLock lock; // conversions, punch holes, opening of windows, pins; outermost of all locks of memory/
    Journal journal;
    std::atomic<std::uint64_t> attached;       // bit n: slot n
    std::atomic<std::uint64_t> resident_bytes; // of the control block itself: not the guest's
    PinCounts pins;
    Counters counters;
    platform::VmState vm;
};
static_assert(sizeof(ControlHeader) <= page_size);

class ControlBlock final {
public:
    static constexpr std::uint64_t alignment { std::uint64_t { 2 } << 20 };

    // Byte offsets from control_at(); the AttributeMap is at 0.
    static constexpr std::uint64_t extents_at(PageNo pages) noexcept { return AttributeMap::layout(pages).total_bytes; }
    static constexpr std::uint64_t held_at(PageNo pages) noexcept { return extents_at(pages) + ExtentMap::total_bytes(pages); }
    static constexpr std::uint64_t records_at(PageNo pages) noexcept { return held_at(pages) + PageBits::layout(pages).total_bytes; }
    static constexpr std::uint64_t pins_at(PageNo pages) noexcept
    {
        return records_at(pages) + ((pages.index() * sizeof(platform::Record) + page_size - 1) & ~(page_size - 1));
    }

    static constexpr std::uint64_t control_at(PageNo pages) noexcept { return (raw(pages.to_bytes()) + alignment - 1) & ~(alignment - 1); }
    static constexpr std::uint64_t control_bytes(PageNo pages) noexcept
    {
        return pins_at(pages) + PinTable::bytes + 2 * page_size;
    }
    // What a file of so many guest pages weighs as a whole.
    static constexpr Bytes file_size(PageNo pages) noexcept { return Bytes { control_at(pages) + control_bytes(pages) }; }

    // In a fresh file of file_size(): ENOMEM. The mapping is inherited by forked children on purpose.
    enum class Records : std::uint8_t { none, kept }; // does the platform keep any?
    static Result<ControlBlock> create(os::HelperFd file, Identity const &identity, Attribute initial, Records records) noexcept;

    // In a file that somebody else made; nullopt when it is not one of ours, whatever its bytes are.
    static std::optional<Identity> identify(os::HelperFd file, Bytes size) noexcept;
    static Result<ControlBlock> open(os::HelperFd file, PageNo pages) noexcept;

    void unmap() noexcept;

    ControlHeader &header() const noexcept { return *reinterpret_cast<ControlHeader *>(base_ + control_bytes(pages_) - 2 * page_size); }
    PeerSlot *slots() const noexcept { return reinterpret_cast<PeerSlot *>(base_ + control_bytes(pages_) - page_size); }
    AttributeMap attributes() const noexcept { return { base_, pages_ }; }
    PinTable pins() const noexcept { return { base_ + pins_at(pages_), header().pins }; }

    ExtentMap extents() const noexcept { return { base_ + extents_at(pages_), pages_ }; }

    // What the platform holds, and its records: of `pages` entries.
    PageBits held() const noexcept { return { base_ + held_at(pages_), pages_ }; }
    Bytes records_in_file() const noexcept { return Bytes { control_at(pages_) + records_at(pages_) }; }
    platform::Record *records() const noexcept { return reinterpret_cast<platform::Record *>(base_ + records_at(pages_)); }

    // Makes resident what a commit of `r` may dirty. ENOMEM otherwise, at r.first(). The caller holds header().lock.
    Status stage(PageRange r) noexcept;
    bool stage_extents(PageRange r) noexcept;
    // The same for a change of what the platform knows of `r`.
    Status stage_records(PageRange r) noexcept;
    // The same for one more pin.
    Status stage_pin() noexcept;

    // The point of no return, in three parts; what lies between them must not fail, and can be done again. A process that is killed after the
    // first leaves a journal, from which the next holder of the lock does what comes after it. The caller holds header().lock.
    void begin_commit(PageRange r, Attribute to, platform::ContentEffect effect, platform::Solicited asked) noexcept;
    void commit() noexcept;
    void concluded() noexcept;
    // After the lock was taken over from a killed process: what it had begun.
    struct Interrupted final {
        PageRange range;
        Attribute to;
        platform::ContentEffect effect;
        platform::Solicited asked;
    };
    std::optional<Interrupted> interrupted() const noexcept; // before commit()
    std::optional<Interrupted> unconcluded() const noexcept; // after it

    // The platform is about to change records of `r`, and has done so: between the two the held map may be wrong.
    void begin_settling(PageRange r) noexcept;
    void settled() noexcept;
    std::optional<PageRange> unsettled() const noexcept;

    void moved_in_helper(os::HelperFd fd) noexcept { file_ = fd; }

    constexpr ControlBlock() noexcept = default;

private:
    std::optional<Interrupted> left_in(Journal::State) const noexcept;
    Status make_header_resident(std::size_t at) noexcept;
    Status make_resident(std::size_t offset, std::size_t length) noexcept;

    os::HelperFd file_ { os::HelperFd::none };
    std::byte *base_ { nullptr };
    PageNo pages_ { 0 };
};
static_assert(sizeof(PeerSlot) * most_peers == page_size);

} // namespace gmem::memory
