#pragma once
// What an access meets: the bits of the error code that say it was the RMP, and what a guest or the host sees. The bits' names are KVM's
// (PFERR_*); platform-models.md 1.3.

#include <cstdint>

namespace gmem::platform::snp {

namespace error_bit {
inline constexpr std::uint64_t rmp { std::uint64_t { 1 } << 31 };          // PFERR_RMP, of #PF and #NPF
inline constexpr std::uint64_t guest_final { std::uint64_t { 1 } << 32 };  // the guest's final address, not its page tables
inline constexpr std::uint64_t guest_page { std::uint64_t { 1 } << 33 };   // the guest's page tables
inline constexpr std::uint64_t guest_enc { std::uint64_t { 1 } << 34 };    // the access had C=1
inline constexpr std::uint64_t guest_sizem { std::uint64_t { 1 } << 35 };  // the sizes of the mapping and of the entry do not go together
inline constexpr std::uint64_t guest_vmpl { std::uint64_t { 1 } << 36 };   // the privilege level may not
}

inline constexpr std::uint64_t vc_page_not_validated { 0x404 }; // the exit code with which #VC is taken inside the guest

struct Fault final {
    enum class What : std::uint8_t {
        none,
        page_fault,        // #PF of the host; `code` has the bits
        nested_page_fault, // #NPF: an exit to the host; `code` has the bits
        vmm_communication, // #VC inside the guest; `code` is the exit code. No exit
        general_protection, // #GP inside the guest
    };
    What what { What::none };
    std::uint64_t code { 0 };
    bool ciphertext { false }; // no fault: the read shows what encrypted memory shows

    friend constexpr bool operator==(Fault, Fault) = default;
};

} // namespace gmem::platform::snp
