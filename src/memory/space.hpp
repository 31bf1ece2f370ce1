#pragma once
// The host windows of this process and everything the program may do to them. Every function answers like the system call of
// its name on a mapping of a guest_memfd; a range that touches no window is the caller's to pass on.
//
// Lock order (outer first), everywhere in memory/:
//   ControlHeader::lock       attributes, and every opening of a page; shared between processes
//     Space::lock()           the window table, native pages
//       Helper's lock         one request
// Signals are blocked while any of them is held.

#include "memory/window_table.hpp"
#include "observe/event.hpp"
#include "os/mutex.hpp"

namespace gmem::memory {

class Space final {
public:
    struct MapRequest final {
        std::uintptr_t hint;
        std::size_t length;
        int protection;
        int flags; // MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_POPULATE, MAP_LOCKED...: as the program gave them
        Bytes offset;
    };
    // Maps a window: no instant at which a private page is reachable.
    static Result<std::uintptr_t> map(GuestMemory &file, MapRequest const &request) noexcept;

    // munmap(), or the MAP_FIXED part of a foreign mmap(): after the kernel has removed the range. Works on parts.
    static void forget(os::AddressRange r) noexcept;

    // munmap() of a range that touches windows.
    static Status unmap(os::AddressRange r) noexcept;

    // mremap(): done as a new window and the end of the old one, so the new place is gated from its first instant.
    static Result<std::uintptr_t> remap(os::AddressRange from, std::size_t new_length, int flags, std::uintptr_t new_address) noexcept;

    // remap_file_pages(): the addresses, inside one window, show the file from page `first` on.
    static Status rearrange(os::AddressRange r, PageNo first) noexcept;

    static Status protect(os::AddressRange r, int protection) noexcept;
    static Status advise(os::AddressRange r, int advice) noexcept;

    // mlock()/munlock(): shared pages are populated first; private ones make mlock fail as on a guest_memfd.
    static void prepare_lock(os::AddressRange r) noexcept;
    static void mark_locked(os::AddressRange r, bool locked) noexcept;

    // Could `r` touch a window? Wait-free, conservative.
    static bool may_touch(os::AddressRange r) noexcept GMEM_NO_THREAD_SAFETY { return table_.may_touch(r); }
    static bool touches(os::AddressRange r) noexcept;

    // The first part of `r` that lies in a window; empty: none does.
    static os::AddressRange first_window_in(os::AddressRange r) noexcept;

    // What a fault at `address` means.
    enum class Fault : std::uint8_t {
        foreign,   // no window of ours
        reopened,  // the page is shared and open again: repeat the access
        poisoned,  // a memory failure that --inject made
        forbidden, // private, past the end of the file, or memory cannot be had: the program's own SIGBUS
    };
    // `seen`: what a forbidden access was, for the log, which has it in the order of conversions. Null: it is no access yet.
    static Fault recover(std::uintptr_t address, observe::Event const *seen = nullptr) noexcept;

    // A system call of the program's has failed with EFAULT, and that stands: a private page of [address, address + length) is noted, if there is one.
    static void note_fault(std::uintptr_t address, std::size_t length) noexcept;

    // Re-opens every shared page of [address, address + length) that lies in a window. True when repeating the system call
    // that said EFAULT makes sense: something was re-opened and nothing there is private.
    static bool recover_range(std::uintptr_t address, std::size_t length) noexcept;

    // Windows of `file` in this process, and the audit of the table.
    static std::uint64_t windows_of(GuestMemory const &file) noexcept;
    static char const *audit() noexcept;

    static os::Mutex &lock() noexcept GMEM_RETURNS_LOCK(lock_) { return lock_; }
    static WindowTable &table() noexcept GMEM_REQUIRES(lock_) { return table_; }

private:
    friend class Fork;
    friend struct GuestWindow;

    static bool shows(GuestMemory const &file) noexcept GMEM_REQUIRES(lock_);
    static void forget_locked(os::AddressRange r) noexcept GMEM_REQUIRES(lock_);
    static Result<std::uintptr_t> remap_referenced(Window const &old, os::AddressRange from, std::size_t new_length, int flags, std::uintptr_t new_address) noexcept;
    static Status remove(os::AddressRange r) noexcept;
    static Fault recover_in(GuestMemory &file, std::uintptr_t address, observe::Event const *seen) noexcept;
    static Result<std::uintptr_t> map_locked(GuestMemory &file, MapRequest const &request) noexcept GMEM_REQUIRES(lock_);

    static os::Mutex lock_;
    static WindowTable table_ GMEM_GUARDED_BY(lock_);
};

} // namespace gmem::memory
