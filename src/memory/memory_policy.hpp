#pragma once
// NUMA policy of a gmem: which node a page comes from when it is allocated (guest_memfd specification, section 8).
//
// The kernel does the work. A memfd keeps one policy for each offset in its inode, and consults it at every allocation, through
// whichever mapping, or none. It is set and asked through a short-lived mapping of the range, which nothing can be reached through:
// on a window or the view it would cut VMAs at its ends for good.
//
// Invariants:
//   M1  no window and no view ever carries a policy of its own: setting one costs no VMA.
//   M2  pages that exist never move (MPOL_MF_MOVE finds nothing to move: guest memory is not migrated).

#include "memory/window.hpp"
#include "os/numa_calls.hpp"

namespace gmem::memory {

class MemoryPolicy final {
public:
    // mbind() on [offset, offset + length) of the file, page aligned; it may end beyond the file. The kernel's errno.
    static Status set(GuestMemory &file, Bytes offset, std::uint64_t length, os::PolicyRequest const &q) noexcept;

    // get_mempolicy(MPOL_F_ADDR) of the page at `offset`.
    static Status at(GuestMemory &file, Bytes offset, os::PolicyAnswer const &a) noexcept;

    // mbind() and get_mempolicy(MPOL_F_ADDR) on addresses of this process that touch a window. What lies between windows is the
    // caller's: foreign(part) -> Status.
    template <typename Foreign>
    static Status set_in_windows(os::AddressRange r, os::PolicyRequest const &q, Foreign &&foreign) noexcept
    {
        if (auto taken { would_be_taken(r, q) }; !taken) {
            note(nullptr, Bytes { 0 }, r.length(), q, taken);
            return taken;
        }
        for (auto at { r.begin }; at < r.end;) {
            auto const part { first_part({ at, r.end }) };
            if (part.file) {
                auto const set { set_in_window(part, q) };
                release(part);
                GMEM_CHECK(set);
            } else {
                GMEM_CHECK(foreign(part.addresses));
            }
            at = part.addresses.end;
        }
        return Ok {};
    }
    static Status at_address(std::uintptr_t address, os::PolicyAnswer const &a) noexcept;

private:
    // The beginning of a range: inside one window (then with a reference to its file), or between windows.
    struct Part final {
        os::AddressRange addresses;
        GuestMemory *file;
        Bytes offset;
    };
    static void note(GuestMemory const *file, Bytes offset, std::uint64_t length, os::PolicyRequest const &q, Status const &result) noexcept;
    static Status set_unnoted(GuestMemory &file, Bytes offset, std::uint64_t length, os::PolicyRequest const &q) noexcept;
    static Status set_in_window_unnoted(Part const &p, os::PolicyRequest const &q) noexcept;
    static Part first_part(os::AddressRange r) noexcept;
    static void release(Part const &p) noexcept;
    static Status would_be_taken(os::AddressRange r, os::PolicyRequest const &q) noexcept;
    static Status set_in_window(Part const &p, os::PolicyRequest const &q) noexcept;
    static bool misplaced(os::AddressRange r, os::PolicyRequest const &q) noexcept;
};

} // namespace gmem::memory
