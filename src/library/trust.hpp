#pragma once
// The trusted side of a gmem that no VM made.

#include "gmem/gmem.h"
#include "kvm/trust.hpp"

namespace gmem::library {

// EINVAL: no such platform, or words that are none. `options` may be null: the environment's. EIO: the machine has no random bytes.
Result<kvm::Trust> trust_of(enum gmem_platform platform, char const *options) noexcept;

} // namespace gmem::library
