#pragma once
// The hypercalls by which a protected guest shares its pages, as EL2 answers them. platform-models.md 3.1, 3.3.

#include "platform/pages.hpp"
#include "platform/pkvm/transitions.hpp"

#include <cstdint>

namespace gmem::platform::pkvm {

enum class Function : std::uint8_t { mem_share, mem_unshare, mem_relinquish };

// What the guest finds in its first register (SMC Calling Convention).
enum class Smccc : std::int64_t { success = 0, not_supported = -1, invalid_parameter = -3 };

struct Hypercall final {
    Function function;
    std::uint64_t address;           // guest physical, a multiple of the page size
    std::uint64_t second, third;     // must be 0 for MEM_SHARE and MEM_UNSHARE
};

struct Answer final {
    enum class Then : std::uint8_t {
        resumes,    // the guest goes on at once
        exits,      // done, and the VMM is told: KVM_EXIT_HYPERCALL
        host_maps,  // nothing is there: the host gives the guest a page, and the guest repeats the call
    };
    Then then;
    Smccc result;
    int error; // EL2's own word for it: 0 or an errno, positive
};

// The page `p` is the one that the memslot has at the call's address. EL2 changes its state first and exits afterwards (June 2026, and
// to-shared in all versions): a conversion that follows is bookkeeping of the host. With PkvmUnshare::after_conversion MEM_UNSHARE is only looked into.
Answer hypercall(Pages &, PageNo p, std::uint16_t handle, Hypercall const &, bool block_mapping = false) noexcept;

} // namespace gmem::platform::pkvm
