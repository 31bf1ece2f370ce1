#pragma once
// What a step showed.

#include "scenario/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gmem::player {

using Bytes = std::vector<std::byte>;

// Why the guest stopped. `at` and `size` in guest physical bytes, where the exit has them.
struct ExitSeen final {
    std::string reason;
    std::optional<std::uint64_t> at, size;
    std::optional<bool> to_private; // asked for, or the side of the access that faulted
};

struct Seen final {
    std::optional<int> error; // errno, 0: none
    std::optional<std::uint64_t> error_offset, result, status, value, firmware, node;
    std::optional<bool> sigbus;
    std::optional<Bytes> bytes;
    std::optional<ExitSeen> exit;
    std::optional<std::string> policy;
    std::optional<std::string> trouble; // an operation of many parts: what was not as it has to be
    std::string said;                   // on standard error
};

} // namespace gmem::player
