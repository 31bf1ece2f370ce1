#pragma once
// The two ways of opening shared pages of a window under userfaultfd, and how one is chosen.

#include "base/units.hpp"

#include <cstdint>

namespace gmem::memory {

enum class Opening : std::uint8_t {
    automatic,
    installed, // UFFDIO_CONTINUE: PTEs are installed now; the kernel may drop them later, recovery re-installs
    native,    // UFFDIO_UNREGISTER: the kernel populates by itself; splits VMAs
};

constexpr char const *name(Opening o) noexcept
{
    switch (o) {
    case Opening::automatic: return "automatic";
    case Opening::installed: return "installed";
    case Opening::native:    return "native";
    }
    __builtin_unreachable();
}

// Installing costs time for each page, unregistering does not: ranges beyond this are opened natively even where installing
// is the policy. At 32 MiB installing still pays when every page is touched (bench/run.sh prints both).
inline constexpr std::uint64_t most_pages_to_install { (32u << 20) >> page_bits };

} // namespace gmem::memory
