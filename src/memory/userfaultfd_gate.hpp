#pragma once
// The first engine: windows registered with a userfaultfd in SIGBUS mode (docs/windows.md).

#include "memory/opening.hpp"
#include "memory/window.hpp"

namespace gmem::memory::userfaultfd_gate {

Status arm(Window &w) noexcept;
Status close_all_again(Window &w) noexcept;
Status close(Window &w, PageRange r) noexcept;
Status can_open(Window &w, PageRange r) noexcept;
void open(Window &w, PageRange r, Opening how) noexcept;
Status reopen(Window &w, PageNo p) noexcept;
void open_lazily(Window &w, PageRange r) noexcept;

// Natively open runs that this process may have before it falls back to installed pages: half of vm.max_map_count, two VMAs
// a run.
std::uint64_t most_native_runs() noexcept;

} // namespace gmem::memory::userfaultfd_gate
