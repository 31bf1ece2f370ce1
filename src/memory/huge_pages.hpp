#pragma once
// Huge pages of one gmem (gmem run --hugepages): when an extent of 2 MiB becomes one, and what a punched part of one means.
//
// Invariants:
//   H1  no window, in any process, opens a page of an unsettled extent. So no PTE of a window is lost when an extent is collapsed.
//   H2  a settled extent was populated as a whole before. It is huge if the kernel could collapse it, else small for good.
//   H3  a punched page of a huge extent reads as zero at once; its memory is held until the extent is given back.
//   H4  an extent is given back only when all its pages are held and were found zero while nobody could write to them. A held page
//       that has been written since is no hole any more: it counts as held until somebody looks.
//   H5  nothing is punched, collapsed or protected that would split a huge page or cut the view's mapping of one.
//
// Made on the spot from the file; has no state of its own. Callers hold the file's lock.

#include "attributes/extent_map.hpp"
#include "memory/guest_memory.hpp"
#include "os/address_range.hpp"

namespace gmem::memory {

class HugePages final {
public:
    explicit HugePages(GuestMemory &file) noexcept : file_ { file } {}

    // Are gmems of this process to have huge pages? Decided before the first one.
    static void wish(bool wished) noexcept { wished_ = wished; }
    static bool wished() noexcept { return wished_; }

    // For a fresh view.
    static void advise(os::AddressRange r) noexcept;

    // Settles the extents that `r` touches: populates them and tries to make each one huge page. Afterwards windows may open their
    // pages. ENOMEM, at the extent that could not even be written down; what came before is settled.
    Status settle(PageRange r) noexcept;

    // The same for the extents that lie inside `r` as a whole: fallocate() of less allocates 4 KiB pages.
    Status settle_whole(PageRange r) noexcept;

    // What recovery needs before it opens one page: settles its extent and opens the shared pages of it in `w`.
    Status open_extent(Window &w, PageNo p) noexcept;

    // fallocate() keeps its promise: pages of `r` are memory of their own again, not held ones.
    void reserve(PageRange r) noexcept;

    // An end of a NUMA policy inside an unsettled extent: one huge page cannot follow two policies.
    void keep_small_at(PageNo p) noexcept;

    // punch hole, wherever `r` lies. The caller holds Space::lock() too.
    Status punch(PageRange r) noexcept;

private:
    ExtentMap extents() const noexcept { return file_.extents(); }
    Status settle_one(ExtentNo e) noexcept;
    ExtentMap::State populate_and_collapse(ExtentNo e) noexcept;
    Status punch_part(ExtentNo e, PageRange part) noexcept;

    Status punch_whole(ExtentNo e) noexcept;
    Status punch_small(PageRange r) noexcept;
    void give_back_if_empty(ExtentNo e) noexcept;
    bool release_what_was_written(ExtentNo e) noexcept;
    bool alone() const noexcept;
    bool close_windows(ExtentNo e) noexcept;
    void open_windows(ExtentNo e) noexcept;
    Status free_file_pages(ExtentNo e) noexcept;

    GuestMemory &file_;

    static bool wished_;
};

} // namespace gmem::memory
