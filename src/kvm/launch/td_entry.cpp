#include "kvm/launch/td_entry.hpp"

#include "kvm/registers.hpp"

namespace gmem::kvm::launch {
namespace {

constexpr std::uint64_t reset_ip { 0xfff0 }, entry_ip { 0xfffffff0 };
constexpr std::uint64_t cr0_protected { 0x31 }, cr4_mce { 0x40 }, efer_long { 0x901 }; // PE, ET, NE; machine checks; SCE, LME, NXE
constexpr std::uint8_t code_type { 11 }, data_type { 3 };         // readable, writable, accessed
constexpr std::uint32_t td_leaf { 0x21 }, under_hypervisor { 1u << 31 };
constexpr uapi::CpuidEntry2 is_a_td { .function = td_leaf, .index = 0, .flags = 1, .eax = 0, .ebx = 0x65746e49, .ecx = 0x20202020, .edx = 0x5844546c, .padding = {} }; // "IntelTDX    "

constexpr Segment flat(std::uint8_t type, std::uint16_t selector) noexcept
{
    return { .base = 0, .limit = 0xffffffff, .selector = selector, .type = type, .present = 1, .dpl = 0, .db = 1, .s = 1, .l = 0, .g = 1, .avl = 0, .unusable = 0, .padding = 0 };
}

bool at_reset(Registers const &r, SpecialRegisters const &s) noexcept { return r.rip == reset_ip && s.cs.base == 0xffff0000 && (s.cr0 & 1) == 0; }

} // namespace

void begin_as_td(int fd, TdEntry const &entry) noexcept
{
    Registers regs;
    SpecialRegisters sregs;
    if (os::failed(os::system_call(SYS_ioctl, fd, uapi::get_regs, &regs)) || os::failed(os::system_call(SYS_ioctl, fd, uapi::get_sregs, &sregs)) || !at_reset(regs, sregs))
        return;
    sregs.cs = flat(code_type, 8);
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat(data_type, 16);
    sregs.cr0 = cr0_protected;
    sregs.cr4 |= cr4_mce;
    sregs.efer = efer_long; // long mode begins with paging, and firmware may not write the register
    regs = { .rax = 0, .rbx = entry.address_bits, .rcx = entry.rcx, .rdx = regs.rdx, .rsi = entry.index, .rdi = 0, .rsp = 0, .rbp = 0, .r8 = entry.rcx, .r9 = 0, .r10 = 0, .r11 = 0, .r12 = 0,
        .r13 = 0, .r14 = 0, .r15 = 0, .rip = entry_ip, .rflags = 2 };
    os::system_call(SYS_ioctl, fd, uapi::set_sregs, &sregs);
    os::system_call(SYS_ioctl, fd, uapi::set_regs, &regs);
}

std::uint32_t add_td_leaves(uapi::CpuidEntry2 *entries, std::uint32_t count) noexcept
{
    std::uint32_t kept { 0 };
    for (std::uint32_t i { 0 }; i < count; ++i) {
        if (entries[i].function == td_leaf)
            continue;
        entries[kept] = entries[i];
        if (entries[kept].function == 0 && entries[kept].eax < td_leaf)
            entries[kept].eax = td_leaf;
        if (entries[kept].function == 1)
            entries[kept].ecx |= under_hypervisor;
        ++kept;
    }
    entries[kept] = is_a_td;
    return kept + 1;
}

} // namespace gmem::kvm::launch
