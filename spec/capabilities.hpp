#pragma once
// KVM_CHECK_EXTENSION: section 1.5.

#include "spec/state.hpp"

namespace gmem::spec {

enum class Asked : std::uint8_t { on_system, on_vm };

inline constexpr unsigned cap_memory_attributes { 233 }, cap_guest_memfd { 234 }, cap_guest_memfd_flags { 244 }, cap_in_place { 250 };

// The value; nothing where the specification is silent. `vm` counts only on a VM; its in_place_conversion says what the module does.
std::optional<long> capability(unsigned which, Asked asked, VmRules vm);

} // namespace gmem::spec
