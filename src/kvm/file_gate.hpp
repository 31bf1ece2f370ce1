#pragma once
// fallocate() on a guest_memfd: specification 4.4. Everything else that a file can be asked is a constant answer (preload/).

#include "base/result.hpp"

namespace gmem::kvm {

struct FallocateRequest final {
    enum class What : std::uint8_t { allocate, punch } what;
    PageRange range; // of a punch it may end beyond the file
};

// Mode first (EOPNOTSUPP), then alignment and signs (EINVAL), then the end of the file (allocate only, EINVAL).
Result<FallocateRequest> parse_fallocate(int mode, std::int64_t offset, std::int64_t length, Bytes file_size) noexcept;

} // namespace gmem::kvm
