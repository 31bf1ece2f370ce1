#pragma once
// One host window: a mapping of a gmem by the program, through which only shared pages may be reachable.

#include "memory/native_pages.hpp"
#include "os/address_range.hpp"

namespace gmem::memory {

class GuestMemory;

// A record of the window table; like a VMA, it is split when the program unmaps or protects a part of it.
struct Window final {
    os::AddressRange addresses;
    GuestMemory *file;    // holds one reference
    PageNo first;         // the file page at addresses.begin
    int protection;       // what the program asked for
    bool forked;          // false after MADV_DONTFORK
    bool locked;          // under mlock: plain MADV_DONTNEED is answered EINVAL
    NativePages *native;  // which of its pages are natively open; one reference; null under the overlay engine
    enum class Side : std::uint8_t { host, guest } side { Side::host }; // guest: guest_window.hpp; the record then holds no reference

    constexpr PageRange pages() const noexcept { return *PageRange::make(first, first.plus(addresses.length() >> page_bits)); }
    constexpr PageNo page_at(std::uintptr_t a) const noexcept { return first.plus((a - addresses.begin) >> page_bits); }
    constexpr std::uintptr_t address_of(PageNo p) const noexcept { return addresses.begin + ((p.index() - first.index()) << page_bits); }
    // r must lie inside pages().
    constexpr os::AddressRange addresses_of(PageRange r) const noexcept { return { address_of(r.first()), address_of(r.first()) + raw(r.length()) }; }
};

} // namespace gmem::memory
