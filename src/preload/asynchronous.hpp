#pragma once
// Linux's asynchronous I/O (io_submit): the pages of a request are held until its completion is reaped.

namespace gmem::preload {

// By syscall(): libc's way of answering.
long io_submit_any(long const (&arguments)[6]) noexcept;
long io_reap_any(long nr, long const (&arguments)[6]) noexcept; // io_getevents, io_pgetevents, io_cancel
long io_destroy_any(long const (&arguments)[6]) noexcept;

} // namespace gmem::preload
