#pragma once
// Opening and closing pages of one window: what the two engines have in common. Callers hold Space::lock(), and the gmem's
// lock wherever a page may become open.
//
// The rule of both engines: a page of a window is reachable only if it is shared. When close() returns Ok no page of the range
// is reachable and none becomes so until open() or reopen().

#include "memory/opening.hpp"
#include "memory/window.hpp"

namespace gmem::memory::gate {

// A window that has just been mapped PROT_NONE, still unknown to anybody: closes every page of it.
Status arm(Window &w) noexcept;

// The same in a forked child, for a window that has its record already.
Status close_all_again(Window &w) noexcept;

// Closes `r`. On failure parts of it may be closed: the caller opens the shared runs again.
Status close(Window &w, PageRange r) noexcept;

// Could open(r) be kept? Asked before the point of no return of a to-shared conversion. ENOMEM otherwise.
Status can_open(Window &w, PageRange r) noexcept;

// Opens `r`, all of whose pages are shared. What cannot be opened now is opened by recovery when it is touched.
void open(Window &w, PageRange r, Opening how) noexcept;

// Recovery of one shared page that raised SIGBUS or EFAULT. ENOMEM: the page cannot be had.
Status reopen(Window &w, PageNo p) noexcept;

// Makes `r` (shared) survive that its pages leave the file: after this a hole of it reads as zeros without a fault of ours.
void open_lazily(Window &w, PageRange r) noexcept;

} // namespace gmem::memory::gate
