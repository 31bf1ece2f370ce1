#pragma once
// Does a guest's vmcall leave the guest on this host, as KVM_CAP_EXIT_HYPERCALL promises? Some KVMs emulate the instruction over and
// over without ever getting past it (docs/exits.md).

#include <cstdint>

namespace gmem::kvm {

enum class Hypercalls : std::uint8_t { exit, repeat };

// Asked once a process, by a vCPU of one page that makes one step: about a millisecond.
Hypercalls hypercalls_of_this_host() noexcept;

} // namespace gmem::kvm
