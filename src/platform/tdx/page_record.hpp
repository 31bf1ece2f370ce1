#pragma once
// A page of a TD in 16 bytes: the Secure-EPT entry that maps it, and its entry in the physical address metadata table (PAMT).
//
// Invariants (audit_of proves them):
//   T1  a page is either nobody's, and its record is zero, or one TD's, and exactly one entry maps it
//   T2  the entry is a leaf, and as large as the PAMT says the page is
//   T3  only a blocked entry remembers an epoch
//   T4  nobody has exported the page

#include "platform/record.hpp"
#include "platform/tdx/entry.hpp"

namespace gmem::platform::tdx {

enum class Level : std::uint8_t { small, large }; // 4 KiB, 2 MiB
inline constexpr std::uint64_t pages_of_large { 512 };
constexpr std::uint64_t pages_of(Level l) noexcept { return l == Level::small ? 1 : pages_of_large; }

// What the PAMT says a physical page is (platform-models.md 2.1). NDA: not assigned to the module or a TD.
enum class PageType : std::uint8_t { nda = 0, reserved = 1, reg = 3, tdr = 4, tdcx = 5, tdvpr = 6, ept = 8 };

constexpr char const *name_of(PageType t) noexcept
{
    switch (t) {
    case PageType::nda:      return "PT_NDA";
    case PageType::reserved: return "PT_RSVD";
    case PageType::reg:      return "PT_REG";
    case PageType::tdr:      return "PT_TDR";
    case PageType::tdcx:     return "PT_TDCX";
    case PageType::tdvpr:    return "PT_TDVPR";
    case PageType::ept:      return "PT_EPT";
    }
    return "?";
}

inline constexpr std::uint64_t last_frame { (std::uint64_t { 1 } << 40) - 1 }; // a gpa has 52 bits
inline constexpr std::uint64_t last_epoch { (std::uint64_t { 1 } << 40) - 1 };

struct PageRecord final {
    std::uint64_t frame : 40;       // where the TD has the page
    Entry entry : 8;
    Level level : 8;                // of the entry; of a large one, each of the 512 records says the same with its own frame
    PageType type : 8;
    std::uint64_t block_epoch : 40; // BEPOCH: the TD's epoch when the entry was blocked
    Level size : 8;
    std::uint64_t owner : 16;       // the TD's number; the PAMT has the address of its TDR

    friend constexpr bool operator==(PageRecord const &, PageRecord const &) = default;
};
static_assert(sizeof(PageRecord) == 16);
static_assert(PageRecord {}.entry == Entry::free && PageRecord {}.type == PageType::nda);

constexpr bool owned(PageRecord const &r) noexcept { return r.type != PageType::nda; }

// nullptr, or the invariant that is broken.
constexpr char const *audit_of(PageRecord const &r) noexcept
{
    if (index_of(r.entry) >= entry_count)
        return "T1: no such Secure-EPT state";
    if (!owned(r))
        return r == PageRecord {} ? nullptr : "T1: a page of no TD has an entry";
    if (r.type != PageType::reg)
        return "T1: guest memory is of another type than PT_REG";
    if (empty(r.entry))
        return "T1: a TD's page has no entry";
    if (r.owner == 0)
        return "T1: a TD's page without TD";
    if (further(r.entry))
        return "T2: the entry of a page is no leaf";
    if (r.level != r.size || r.level > Level::large)
        return "T2: the entry is not as large as the page";
    if (!blocked(r.entry) && r.block_epoch != 0)
        return "T3: an entry that is not blocked remembers an epoch";
    if (of_migration(r.entry))
        return "T4: a page was exported, and nobody exports";
    return nullptr;
}

} // namespace gmem::platform::tdx
