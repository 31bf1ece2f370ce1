#pragma once
// The reverse map table over the pages of one guest_memfd: a view of Pages, through which every instruction reads and writes entries.
//
// Invariants (audit() proves them for a page):
//   R1..R5  of its entry (rmp_entry.hpp).
//   R6      the 512 pages of a 2 MiB entry are alike but for consecutive frames (where it is a guest's); the machine's page number and the frame of the first
//           are multiples of 512.
// And one that cannot be seen: a page's memory holds what its present owner reads. store() keeps it: when a page becomes this VM's,
// its bytes S become Dec(S), and when it ceases to be, its bytes P become Enc(P) (AMD APM volume 2, 15.34.1: the key is the ASID's,
// the tweak the physical address). Between two guests' ASIDs nothing is decrypted: the bytes of another VM are noise to this one.

#include "base/units.hpp"
#include "platform/pages.hpp"
#include "platform/snp/rmp_entry.hpp"

namespace gmem::platform::snp {

class Rmp final {
public:
    explicit Rmp(Pages const &pages) noexcept : pages_ { pages } {}

    bool has(PageNo p) const noexcept { return p < pages_.count; }
    RmpEntry at(PageNo p) const noexcept { return record_as<RmpEntry>(pages_.record(p)); }
    // Does this VM read the page's memory through its key?
    bool of_this_guest(RmpEntry const &) const noexcept;

    // The pages that an instruction of that size names; nullopt: not aligned, or not all in the file.
    std::optional<PageRange> named(PageNo, PageSize) const noexcept;
    // The pages of the 2 MiB of the machine's memory around `p`, as far as they are in the file.
    PageRange around(PageNo p) const noexcept;

    // Writes an entry, the memory following its owner.
    void store(PageNo, RmpEntry const &) const noexcept;
    // The same for each page of `r`, with consecutive frames from e.frame on (none, where the entry is no guest's).
    void store_all(PageRange r, RmpEntry e) const noexcept;
    // Writes an entry and leaves the memory: the firmware has just encrypted in place what the page holds.
    void store_encrypted(PageNo p, RmpEntry const &e) const noexcept { store_record(pages_.record(p), e); }

    std::byte *bytes(PageNo p) const noexcept { return pages_.page(p); }
    Pages const &pages() const noexcept { return pages_; }

    char const *audit(PageNo) const noexcept;

private:
    Pages const &pages_;
};

} // namespace gmem::platform::snp
