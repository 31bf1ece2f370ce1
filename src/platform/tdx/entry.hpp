#pragma once
// The states of a Secure-EPT entry (TDX module 1.5 source, Secure-EPT states; platform-models.md 2.1). An entry that maps a page is a leaf;
// NL_* point to a further Secure-EPT page.

#include <array>
#include <cstdint>

namespace gmem::platform::tdx {

// FREE is 0 here, and not as in the module: the zero record is a page that no TD has.
enum class Entry : std::uint8_t {
    free,
    removed,
    nl_mapped,
    nl_blocked,
    mapped,
    blocked,
    blockedw,
    exported_blockedw,
    exported_dirty,
    exported_dirty_blockedw,
    pending,
    pending_blocked,
    pending_blockedw,
    pending_exported_blockedw,
    pending_exported_dirty,
    pending_exported_dirty_blockedw,
};
inline constexpr std::size_t entry_count { 16 };
constexpr std::size_t index_of(Entry e) noexcept { return static_cast<std::size_t>(e); }

// What a guest meets that touches the page.
enum class Meets : std::uint8_t { nothing, the_page, the_page_to_read, its_own_duty_to_accept, a_block };

// Whose bytes are in the memory: AUG leaves what the host wrote, and only ADD and ACCEPT write under the TD's key.
enum class WrittenBy : std::uint8_t { host, td };

struct EntryRow final {
    Entry entry;
    char const *name;
    std::uint8_t encoding; // in the module's own entries
    int reported;          // as TDH.MEM.SEPT.RD tells the host; -1: the number is not known here
    Meets guest;
    WrittenBy bytes;
};

inline constexpr std::array<EntryRow, entry_count> entries { {
    { Entry::free, "FREE", 0x0e, 0, Meets::nothing, WrittenBy::host },
    { Entry::removed, "REMOVED", 0x0c, 5, Meets::nothing, WrittenBy::host },
    { Entry::nl_mapped, "NL_MAPPED", 0x00, -1, Meets::nothing, WrittenBy::host },
    { Entry::nl_blocked, "NL_BLOCKED", 0x08, -1, Meets::a_block, WrittenBy::host },
    { Entry::mapped, "MAPPED", 0x60, 4, Meets::the_page, WrittenBy::td },
    { Entry::blocked, "BLOCKED", 0x68, 1, Meets::a_block, WrittenBy::td },
    { Entry::blockedw, "BLOCKEDW", 0x64, -1, Meets::the_page_to_read, WrittenBy::td },
    { Entry::exported_blockedw, "EXPORTED_BLOCKEDW", 0x66, -1, Meets::the_page_to_read, WrittenBy::td },
    { Entry::exported_dirty, "EXPORTED_DIRTY", 0x63, -1, Meets::the_page, WrittenBy::td },
    { Entry::exported_dirty_blockedw, "EXPORTED_DIRTY_BLOCKEDW", 0x67, -1, Meets::the_page_to_read, WrittenBy::td },
    { Entry::pending, "PENDING", 0x70, 2, Meets::its_own_duty_to_accept, WrittenBy::host },
    { Entry::pending_blocked, "PENDING_BLOCKED", 0x78, 3, Meets::a_block, WrittenBy::host },
    { Entry::pending_blockedw, "PENDING_BLOCKEDW", 0x74, -1, Meets::its_own_duty_to_accept, WrittenBy::host },
    { Entry::pending_exported_blockedw, "PENDING_EXPORTED_BLOCKEDW", 0x76, -1, Meets::its_own_duty_to_accept, WrittenBy::host },
    { Entry::pending_exported_dirty, "PENDING_EXPORTED_DIRTY", 0x73, -1, Meets::its_own_duty_to_accept, WrittenBy::host },
    { Entry::pending_exported_dirty_blockedw, "PENDING_EXPORTED_DIRTY_BLOCKEDW", 0x77, -1, Meets::its_own_duty_to_accept, WrittenBy::host },
} };

constexpr EntryRow const &row_of(Entry e) noexcept { return entries[index_of(e)]; }

// No page: nothing of the TD's is behind the entry.
constexpr bool empty(Entry e) noexcept { return e == Entry::free || e == Entry::removed; }
// The bits of the module's encoding: 0x08 blocked (FREE and REMOVED have it too), 0x10 pending.
constexpr bool blocked(Entry e) noexcept { return !empty(e) && (row_of(e).encoding & 0x08) != 0; }
constexpr bool pending(Entry e) noexcept { return (row_of(e).encoding & 0x10) != 0; }
constexpr bool further(Entry e) noexcept { return e == Entry::nl_mapped || e == Entry::nl_blocked; }

// Only a migration leads there, and none is modelled.
constexpr bool of_migration(Entry e) noexcept { return !empty(e) && (row_of(e).encoding & 0x07) != 0; }

// Sanity checks
static_assert([] {
    for (std::size_t i { 0 }; i < entry_count; ++i)
        if (index_of(entries[i].entry) != i)
            return false;
    return true;
}());
static_assert(blocked(Entry::pending_blocked) && blocked(Entry::nl_blocked) && !blocked(Entry::free) && !blocked(Entry::blockedw));
static_assert(pending(Entry::pending_exported_dirty) && !pending(Entry::mapped));
static_assert(of_migration(Entry::blockedw) && !of_migration(Entry::pending_blocked) && !of_migration(Entry::removed));

} // namespace gmem::platform::tdx
