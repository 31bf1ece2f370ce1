#pragma once
// Which processors a program's VMs have: those of the real KVM, or scripted ones (`gmem run --vcpu=...`, GMEM_VCPU). Chosen once, before the first VM.

#include <cstdint>

namespace gmem::kvm::scripted {

enum class Processors : std::uint8_t { real, scripted };

Processors processors() noexcept;
void choose(Processors p) noexcept;

// Scripted vCPUs of one VM; their ids are below it.
inline constexpr long most_in_vm { 1024 };

} // namespace gmem::kvm::scripted
