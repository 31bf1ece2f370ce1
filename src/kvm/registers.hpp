#pragma once
// A vCPU's registers as KVM_GET_REGS and KVM_GET_SREGS give them (x86-64).

#include "kvm/uapi.hpp"
#include "os/syscall.hpp"

#include <optional>

namespace gmem::kvm {

struct Registers final {
    std::uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags;
};
static_assert(sizeof(Registers) == 144);

struct Segment final {
    std::uint64_t base;
    std::uint32_t limit;
    std::uint16_t selector;
    std::uint8_t type, present, dpl, db, s, l, g, avl, unusable, padding;
};
static_assert(sizeof(Segment) == 24);

struct SpecialRegisters final {
    Segment cs, ds, es, fs, gs, ss, tr, ldt;
    std::uint8_t tables[32];
    std::uint64_t cr0, cr2, cr3, cr4, cr8, efer, apic_base;
    std::uint64_t interrupt_bitmap[4];

    static constexpr std::uint64_t efer_long_mode_active { 1u << 10 };

    bool in_64_bit_mode() const noexcept { return (efer & efer_long_mode_active) && cs.l; }
    unsigned privilege() const noexcept { return ss.dpl; }
    std::uint64_t linear_ip(Registers const &r) const noexcept
    {
        return in_64_bit_mode() ? r.rip : static_cast<std::uint32_t>(cs.base + r.rip);
    }
};
static_assert(sizeof(SpecialRegisters) == 312);

struct Translation final { // KVM_TRANSLATE
    std::uint64_t linear, physical;
    std::uint8_t valid, writeable, usermode, padding[5];
};

namespace uapi {
inline constexpr unsigned long get_regs { ior(0x81, sizeof(Registers)) };
inline constexpr unsigned long set_regs { iow(0x82, sizeof(Registers)) };
inline constexpr unsigned long get_sregs { ior(0x83, sizeof(SpecialRegisters)) };
inline constexpr unsigned long translate { iowr(0x85, sizeof(Translation)) };
static_assert(translate == 0xC018AE85);
inline constexpr unsigned long set_sregs { iow(0x84, sizeof(SpecialRegisters)) };
static_assert(get_regs == 0x8090AE81 && set_regs == 0x4090AE82 && get_sregs == 0x8138AE83);
} // namespace uapi

// Where a vCPU that is not running sees `linear`; nullopt: nowhere.
inline std::optional<std::uint64_t> translate(int vcpu, std::uint64_t linear) noexcept
{
    Translation t { .linear = linear, .physical = 0, .valid = 0, .writeable = 0, .usermode = 0, .padding = {} };
    if (os::failed(os::system_call(SYS_ioctl, vcpu, uapi::translate, &t)) || !t.valid)
        return std::nullopt;
    return t.physical;
}

} // namespace gmem::kvm
