#include "kvm/hypercall.hpp"

#include <cstring>

namespace gmem::kvm {
namespace {

// KVM's errors towards a guest (its own numbers, not errno's).
constexpr std::uint64_t not_permitted { static_cast<std::uint64_t>(-1) };
constexpr std::uint64_t bad_arguments { static_cast<std::uint64_t>(-22) };
constexpr std::uint64_t no_such_hypercall { static_cast<std::uint64_t>(-1000) };
constexpr std::uint64_t hypercall_poll_interrupts { 1 }; // answers 0

bool legal_range(std::uint64_t gpa, std::uint64_t pages) noexcept
{
    auto const gfn { gpa >> page_bits };
    return gpa % page_size == 0 && pages != 0 && gfn + pages > gfn;
}

} // namespace

bool is_hypercall_instruction(std::uint8_t const (&bytes)[3]) noexcept
{
    return std::memcmp(bytes, vmcall, sizeof vmcall) == 0 || std::memcmp(bytes, vmmcall, sizeof vmmcall) == 0;
}

std::optional<Hypercall::Conversion> Hypercall::asked_by(uapi::HypercallExit const &exit) noexcept
{
    constexpr std::uint64_t encrypted { 1u << 4 }; // KVM_MAP_GPA_RANGE_ENCRYPTED
    if (exit.nr != hypercall_map_gpa_range || exit.arguments[1] == 0 || exit.arguments[1] > ~exit.arguments[0] >> page_bits)
        return std::nullopt;
    return Conversion { exit.arguments[0], exit.arguments[1] << page_bits, exit.arguments[2] & encrypted ? Attribute::private_ : Attribute::shared };
}

Hypercall Hypercall::made_with(Registers const &r, SpecialRegisters const &sregs) noexcept
{
    bool const long_mode { sregs.in_64_bit_mode() };
    auto const cut { [long_mode](std::uint64_t v) noexcept { return long_mode ? v : static_cast<std::uint32_t>(v); } };
    if (sregs.privilege() != 0)
        return { {}, not_permitted };
    auto const nr { cut(r.rax) };
    if (nr == hypercall_poll_interrupts)
        return { {}, 0 };
    if (nr != hypercall_map_gpa_range)
        return { {}, no_such_hypercall };
    if (!legal_range(cut(r.rbx), cut(r.rcx)))
        return { {}, bad_arguments };
    return { uapi::HypercallExit { .nr = nr, .arguments = { cut(r.rbx), cut(r.rcx), cut(r.rdx), 0, 0, 0 }, .result = 0, .flags = long_mode ? uapi::hypercall_long_mode : 0 }, 0 };
}

void answer_hypercall(Registers &regs, std::uint64_t answer, bool long_mode) noexcept
{
    regs.rax = long_mode ? answer : static_cast<std::uint32_t>(answer);
    regs.rip = long_mode ? regs.rip + sizeof vmcall : static_cast<std::uint32_t>(regs.rip + sizeof vmcall);
}

} // namespace gmem::kvm
