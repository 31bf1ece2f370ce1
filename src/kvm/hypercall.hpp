#pragma once
// Hypercalls as KVM_CAP_EXIT_HYPERCALL hands them to the VMM: specification 6.6 and KVM's documented guest interface.

#include "attributes/attribute.hpp"
#include "kvm/registers.hpp"
#include "kvm/run_page.hpp"

#include <optional>

namespace gmem::kvm {

struct EnableCapability final { // KVM_ENABLE_CAP
    std::uint32_t capability, flags;
    std::uint64_t arguments[4];
    std::uint8_t padding[64];
};
static_assert(sizeof(EnableCapability) == 104);

inline constexpr std::uint64_t hypercall_map_gpa_range { 12 };
inline constexpr std::uint64_t map_gpa_encrypted { 1u << 4 }; // KVM_MAP_GPA_RANGE_ENCRYPTED
inline constexpr std::uint64_t smccc_mem_share { 0xC6000003 }, smccc_mem_unshare { 0xC6000004 }; // ARM_SMCCC_VENDOR_HYP_KVM_MEM_SHARE, ..._UNSHARE
inline constexpr std::uint64_t exit_on_map_gpa_range { std::uint64_t { 1 } << hypercall_map_gpa_range };

inline constexpr std::uint8_t vmcall[3] { 0x0f, 0x01, 0xc1 };
inline constexpr std::uint8_t vmmcall[3] { 0x0f, 0x01, 0xd9 };
bool is_hypercall_instruction(std::uint8_t const (&bytes)[3]) noexcept;

// What KVM makes of a hypercall: an exit for the VMM, or an answer for the guest at once.
struct Hypercall final {
    std::optional<uapi::HypercallExit> exit;
    std::uint64_t answer { 0 };

    // What a KVM_HC_MAP_GPA_RANGE exit asks for; nothing for another one.
    struct Conversion final {
        std::uint64_t gpa, size; // bytes
        Attribute to;
    };
    static std::optional<Conversion> asked_by(uapi::HypercallExit const &exit) noexcept;

    static Hypercall made_with(Registers const &regs, SpecialRegisters const &sregs) noexcept;
};

// The guest goes on behind the instruction with `answer`.
void answer_hypercall(Registers &regs, std::uint64_t answer, bool long_mode) noexcept;

namespace uapi {
inline constexpr unsigned long enable_cap { iow(0xa3, sizeof(EnableCapability)) };
inline constexpr unsigned long cap_exit_hypercall { 201 };
static_assert(enable_cap == 0x4068AEA3);
} // namespace uapi

} // namespace gmem::kvm
