#pragma once
// The trusted side of one VM: which, and what it keeps secret. What its files carry of it is platform::VmState.

#include "kvm/uapi.hpp"
#include "platform/platform.hpp"

#include <optional>

namespace gmem::kvm {

struct Trust final {
    platform::Kind kind { platform::Kind::sw_protected };
    platform::Phase phase { platform::Phase::running }; // as the launch says: launch/state.hpp
    platform::Options options {};
    std::uint16_t id { 0 };                       // ASID, HKID, VM handle or VMID: never 0 where there is a trusted side
    std::byte key[crypto::xts_key_bytes] {};      // random, where the platform encrypts

    // For the VM with this number. EIO: the machine has no random bytes.
    static Result<Trust> make(platform::Kind kind, platform::Options options, std::uint64_t vm) noexcept;
};

// A VM type of the interface, as gmem gives it: nullopt means that it is the real KVM's affair. `wished`: the user's choice of a model, for
// every VM that has private memory.
struct VmNature final {
    bool private_memory;
    platform::Kind platform;
    bool knows_launches { false }; // the type is SNP's or TDX's, and so is the platform
};
std::optional<VmNature> nature_of(unsigned long type, std::optional<platform::Kind> wished) noexcept;

} // namespace gmem::kvm
