#pragma once
// What a launch asks of the program's descriptors.

#include "kvm/vm.hpp"

namespace gmem::preload {

// The registers of each vCPU of the VM that the program still has a descriptor of.
std::size_t registers_of_vcpus(kvm::Vm const &vm, kvm::launch::VcpuRegisters *out, std::size_t most) noexcept;

// /dev/sev, or its stand-in.
bool is_sev_device(int fd) noexcept;

} // namespace gmem::preload
