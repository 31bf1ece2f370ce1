#pragma once
// The second engine, for hosts that forbid userfaultfd: a zero-length file is mapped over what is closed. Access past its end
// is the same SIGBUS, EFAULT in system calls. Exact, but every run costs a VMA.

#include "memory/opening.hpp"
#include "memory/window.hpp"

namespace gmem::memory::overlay_gate {

Status arm(Window &w) noexcept;
Status close_all_again(Window &w) noexcept;
Status close(Window &w, PageRange r) noexcept;
Status can_open(Window &w, PageRange r) noexcept;
void open(Window &w, PageRange r, Opening how) noexcept;
Status reopen(Window &w, PageNo p) noexcept;
void open_lazily(Window &w, PageRange r) noexcept;

} // namespace gmem::memory::overlay_gate
