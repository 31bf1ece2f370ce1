#pragma once
// What KVM_CHECK_EXTENSION answers for the capabilities that gmem provides: specification 1.5; before v6 2.6 and platform-models.md 6.

#include "kvm/mode.hpp"
#include "kvm/uapi.hpp"
#include "platform/profile.hpp"

#include <optional>

namespace gmem::kvm {

enum class AskedOn : std::uint8_t { system, vm_with_private_memory, vm_without };

// nullopt: the real KVM answers. `real` is its answer, needed where bits are added to it.
std::optional<long> capability(unsigned long which, AskedOn where, Tracker tracker, platform::Profile const &profile, long real) noexcept;

// What is answered in the real KVM's place where there is none: what is about memory alone.
long capability_without_kvm(unsigned long which) noexcept;

// What scripted vCPUs have, whatever the real KVM has. nullopt: they change nothing about it.
std::optional<long> capability_of_scripts(unsigned long which) noexcept;

} // namespace gmem::kvm
