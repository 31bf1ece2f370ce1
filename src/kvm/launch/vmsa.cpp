#include "kvm/launch/vmsa.hpp"

#include "base/units.hpp"

#include <array>
#include <cstring>

namespace gmem::kvm::launch {
namespace {

struct SegmentRow final {
    std::size_t at;
    Segment SpecialRegisters::*segment;
};
constexpr std::array segments {
    SegmentRow { 0x00, &SpecialRegisters::es },
    SegmentRow { 0x10, &SpecialRegisters::cs },
    SegmentRow { 0x20, &SpecialRegisters::ss },
    SegmentRow { 0x30, &SpecialRegisters::ds },
    SegmentRow { 0x40, &SpecialRegisters::fs },
    SegmentRow { 0x50, &SpecialRegisters::gs },
    SegmentRow { 0x70, &SpecialRegisters::ldt },
    SegmentRow { 0x90, &SpecialRegisters::tr },
};

struct RegisterRow final {
    std::size_t at;
    std::uint64_t Registers::*value;
};
constexpr std::array registers {
    RegisterRow { 0x170, &Registers::rflags },
    RegisterRow { 0x178, &Registers::rip },
    RegisterRow { 0x1d8, &Registers::rsp },
    RegisterRow { 0x1f8, &Registers::rax },
    RegisterRow { 0x308, &Registers::rcx },
    RegisterRow { 0x310, &Registers::rdx },
    RegisterRow { 0x318, &Registers::rbx },
    RegisterRow { 0x328, &Registers::rbp },
    RegisterRow { 0x330, &Registers::rsi },
    RegisterRow { 0x338, &Registers::rdi },
    RegisterRow { 0x340, &Registers::r8 },
    RegisterRow { 0x348, &Registers::r9 },
    RegisterRow { 0x350, &Registers::r10 },
    RegisterRow { 0x358, &Registers::r11 },
    RegisterRow { 0x360, &Registers::r12 },
    RegisterRow { 0x368, &Registers::r13 },
    RegisterRow { 0x370, &Registers::r14 },
    RegisterRow { 0x378, &Registers::r15 },
};

// What neither call tells has the value of a reset.
struct ResetRow final {
    std::size_t at;
    std::uint64_t value;
    std::size_t bytes;
};
constexpr std::array resets {
    ResetRow { 0x160, 0x400, 8 },              // DR7
    ResetRow { 0x168, 0xffff0ff0, 8 },         // DR6
    ResetRow { 0x268, 0x0007040600070406, 8 }, // PAT
    ResetRow { 0x3e8, 1, 8 },                  // XCR0: x87
    ResetRow { 0x408, 0x1f80, 4 },             // MXCSR
    ResetRow { 0x410, 0x37f, 2 },              // FCW
};

// KVM's own: caching is never off in a guest, machine checks are on as in the host, and SVM is on.
constexpr std::uint64_t cr0_cache_off { 3u << 29 }, cr4_mce { 1u << 6 }, efer_svme { 1u << 12 };

void put(std::byte *page, std::size_t at, std::uint64_t value, std::size_t bytes) noexcept { std::memcpy(page + at, &value, bytes); }

// KVM has the descriptor's bits apart, the save area in one word: type, s, dpl, p; avl, l, d/b, g from bit 8 on.
std::uint64_t attributes_of(Segment const &s) noexcept
{
    if (s.unusable)
        return 0;
    return (s.type & 15u) | (s.s & 1u) << 4 | (s.dpl & 3u) << 5 | (s.present & 1u) << 7 | (s.avl & 1u) << 8 | (s.l & 1u) << 9 | (s.db & 1u) << 10 | (s.g & 1u) << 11;
}

void put_descriptor_table(std::byte *page, std::size_t at, std::uint8_t const *table) noexcept
{
    std::memcpy(page + at + 8, table, 8);     // base
    std::memcpy(page + at + 4, table + 8, 2); // limit
}

} // namespace

void make_vmsa(std::byte *page, VcpuRegisters const &of, std::uint64_t sev_features) noexcept
{
    std::memset(page, 0, page_size);
    for (auto const &row : segments) {
        auto const &s { of.special.*row.segment };
        put(page, row.at, s.selector, 2);
        put(page, row.at + 2, attributes_of(s), 2);
        put(page, row.at + 4, s.limit, 4);
        put(page, row.at + 8, s.base, 8);
    }
    put_descriptor_table(page, 0x60, of.special.tables);
    put_descriptor_table(page, 0x80, of.special.tables + 16);
    put(page, 0xcb, of.special.privilege(), 1);
    put(page, 0xd0, of.special.efer | efer_svme, 8);
    put(page, 0x148, of.special.cr4 | cr4_mce, 8);
    put(page, 0x150, of.special.cr3, 8);
    put(page, 0x158, of.special.cr0 & ~cr0_cache_off, 8);
    put(page, 0x240, of.special.cr2, 8);
    for (auto const &row : registers)
        put(page, row.at, of.general.*row.value, 8);
    for (auto const &row : resets)
        put(page, row.at, row.value, row.bytes);
    put(page, 0x3b0, sev_features, 8);
}

} // namespace gmem::kvm::launch
