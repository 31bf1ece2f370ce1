#pragma once
// The argument of KVM_SET_SIGNAL_MASK.

#include <cstdint>

namespace gmem::kvm {

struct SignalMask final {
    std::uint32_t length; // of the set, in bytes: 8
    std::uint8_t bytes[8];
};

} // namespace gmem::kvm
