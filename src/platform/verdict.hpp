#pragma once
// What an access meets on the hardware that is modelled.

#include <cstdint>

namespace gmem::platform {

enum class Access : std::uint8_t { read, write };

// How a guest names a page: with its C-bit set (SNP), its shared bit clear (TDX), in the lower half of the address space (CCA).
enum class Side : std::uint8_t { shared, private_ };

// Host access that user gating does not cover: the kernel through its direct map, or a device.
struct HostVerdict final {
    enum class What : std::uint8_t {
        plain,      // the bytes as they are
        ciphertext, // a read is allowed, and shows what encrypted memory shows
        fault,      // `name` says which
    };
    enum class Then : std::uint8_t {
        goes_on,       // nothing but the fault is seen, or no fault at all
        guest_poisoned, // the host goes on; the guest has lost the page
        poisoned,      // a later access gets a machine check
        host_crash,    // kernel mode does not survive it
    };
    What what { What::plain };
    Then then { Then::goes_on };
    char const *name { "" }; // "#PF with the RMP bit", "GPF", ...: what the field calls it

    constexpr bool allowed() const noexcept { return what != What::fault; }
};

// A guest's access, after KVM has found that its side and the page's attribute agree.
struct GuestVerdict final {
    enum class What : std::uint8_t {
        plain,           // the bytes as they are
        ciphertext,      // a read through the shared side of a page that is the guest's
        zeros,           // nothing of the host's is visible
        guest_exception, // taken inside the guest: no exit
        memory_fault,    // KVM_EXIT_MEMORY_FAULT
        vm_dead,         // KVM gives the VM up: EIO
        retry,           // the host has to do something and to resume the guest
    };
    What what { What::plain };
    char const *name { "" }; // "#VC 0x404 (PAGE_NOT_VALIDATED)", "#VE", "SEA", ...
};

} // namespace gmem::platform
