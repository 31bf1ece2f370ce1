#pragma once
// KVM_CREATE_GUEST_MEMFD: section 1.3, initial attributes 4.4.

#include "spec/state.hpp"

namespace gmem::spec {

struct CreateCall final {
    std::uint64_t size, flags;
};

inline constexpr std::uint64_t flag_mmap { 1 }, flag_init_shared { 2 };

// The errno that the call must have, 0 for success.
int create_errno(CreateCall const &call, VmRules vm);

// The file after success.
File created(CreateCall const &call, VmRules vm);

} // namespace gmem::spec
