#include "memory/overlay_gate.hpp"

#include "memory/guest_memory.hpp"
#include "memory/process.hpp"
#include "os/mapping_calls.hpp"

namespace gmem::memory::overlay_gate {
namespace {

// Far beyond any offset of ours: an overlay there merges with no neighbour.
constexpr Bytes stand_alone { std::uint64_t { 1 } << 50 };

// Replaces a part of a window atomically. Offsets run along with the window, so that neighbours merge into one VMA.
Status replace(Window const &w, PageRange r, os::OwnCopy &copy, os::HelperFd file, Bytes shift = Bytes { 0 }) noexcept
{
    auto const at { w.addresses_of(r) };
    auto const mapped { os::map_hidden(copy, file, at.begin, at.length(), w.protection, MAP_FIXED, Bytes { raw(r.offset()) + raw(shift) }) };
    if (!mapped)
        return Error::at_page(Why::no_memory, r.first(), "overlay.replace");
    return os::advise(at, MADV_DONTFORK);
}

} // namespace

Status arm(Window &w) noexcept { return replace(w, w.pages(), Process::empty_copy(), Process::empty_file()); }

Status close_all_again(Window &w) noexcept { return arm(w); }

Status close(Window &w, PageRange r) noexcept { return replace(w, r, Process::empty_copy(), Process::empty_file()); }

// Opening splits VMAs and may meet vm.max_map_count. This makes the same split with an overlay that merges with nothing, so that
// open() later replaces VMA by VMA and cannot fail for want of one.
Status can_open(Window &w, PageRange r) noexcept { return replace(w, r, Process::empty_copy(), Process::empty_file(), stand_alone); }

void open(Window &w, PageRange r, Opening) noexcept { (void)replace(w, r, w.file->own_copy(), w.file->file()); }

Status reopen(Window &w, PageNo p) noexcept { return replace(w, PageRange::one(p), w.file->own_copy(), w.file->file()); }

void open_lazily(Window &, PageRange) noexcept {} // the kernel populates open runs by itself

} // namespace gmem::memory::overlay_gate
