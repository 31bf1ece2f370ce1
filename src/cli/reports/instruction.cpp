#include "cli/reports/instruction.hpp"

#include <Zydis/Zydis.h>
#include <algorithm>

namespace gmem::cli::reports {
namespace {

using Instruction = ZydisDecodedInstruction;
using Operand = ZydisDecodedOperand;
using Operands = std::array<Operand, ZYDIS_MAX_OPERAND_COUNT>;

constexpr std::uint64_t bits_of_a_byte { 8 };

// One operand that may be what faulted.
struct Candidate final {
    std::uint64_t element, all; // bytes
    std::optional<std::uint64_t> begin;
};

// How much it takes depends on registers that select components, or on how long this processor's cache lines are.
bool has_no_fixed_size(Instruction const &i)
{
    switch (i.mnemonic) {
    case ZYDIS_MNEMONIC_CLFLUSH:
    case ZYDIS_MNEMONIC_CLFLUSHOPT:
    case ZYDIS_MNEMONIC_CLWB: return true;
    default:                  return i.meta.category == ZYDIS_CATEGORY_XSAVE || i.meta.category == ZYDIS_CATEGORY_XSAVEOPT;
    }
}

// Vector instructions of these classes read all of their operand, whatever the mask says.
bool reads_past_its_mask(ZydisExceptionClass c)
{
    switch (c) {
    case ZYDIS_EXCEPTION_CLASS_E1NF:
    case ZYDIS_EXCEPTION_CLASS_E2NF:
    case ZYDIS_EXCEPTION_CLASS_E3NF:
    case ZYDIS_EXCEPTION_CLASS_E4NF:
    case ZYDIS_EXCEPTION_CLASS_E5NF:
    case ZYDIS_EXCEPTION_CLASS_E6NF:
    case ZYDIS_EXCEPTION_CLASS_E9NF:
    case ZYDIS_EXCEPTION_CLASS_E10NF:
    case ZYDIS_EXCEPTION_CLASS_E11NF: return true;
    default:                          return false;
    }
}

// What is accessed at once, in bits: all of the operand, which of gather and scatter is one element, or the element that a mask selects.
std::uint64_t bits_at_once(Instruction const &i, Operand const &o)
{
    switch (i.mnemonic) {
    case ZYDIS_MNEMONIC_MASKMOVQ:
    case ZYDIS_MNEMONIC_MASKMOVDQU:
    case ZYDIS_MNEMONIC_VMASKMOVDQU: return bits_of_a_byte; // Zydis calls four of its bytes an element
    case ZYDIS_MNEMONIC_VMASKMOVPS:
    case ZYDIS_MNEMONIC_VMASKMOVPD:
    case ZYDIS_MNEMONIC_VPMASKMOVD:
    case ZYDIS_MNEMONIC_VPMASKMOVQ:  return o.element_size;
    default:                         break;
    }
    bool const masked { i.avx.mask.mode > ZYDIS_MASK_MODE_DISABLED && !reads_past_its_mask(i.meta.exception_class) };
    return masked ? o.element_size : o.size;
}

// The value of a base or an index. nullopt: it is no general register, or a part of one.
std::optional<std::uint64_t> value_of(ZydisRegister r, Instruction const &i, PageFault const &fault, Registers const &registers)
{
    if (r == ZYDIS_REGISTER_NONE)
        return 0;
    if (r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP)
        return fault.instruction + i.length;
    auto const kind { ZydisRegisterGetClass(r) };
    if (kind != ZYDIS_REGCLASS_GPR64 && kind != ZYDIS_REGCLASS_GPR32)
        return std::nullopt;
    return registers[static_cast<std::size_t>(ZydisRegisterGetId(r))];
}

// Addresses that are not the sum which the operand says: other segments begin elsewhere, a stack grows first, and bits are counted from the operand on.
bool is_elsewhere(Instruction const &i, Operand const &o)
{
    bool const bits { i.mnemonic == ZYDIS_MNEMONIC_BT || i.mnemonic == ZYDIS_MNEMONIC_BTC || i.mnemonic == ZYDIS_MNEMONIC_BTR || i.mnemonic == ZYDIS_MNEMONIC_BTS };
    bool const stack { o.mem.base == ZYDIS_REGISTER_RSP && (i.mnemonic == ZYDIS_MNEMONIC_POP || o.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN) };
    return bits || stack || o.mem.segment == ZYDIS_REGISTER_FS || o.mem.segment == ZYDIS_REGISTER_GS || o.mem.type != ZYDIS_MEMOP_TYPE_MEM;
}

std::optional<std::uint64_t> address_of(Instruction const &i, Operand const &o, PageFault const &fault, Registers const *registers)
{
    if (!registers || is_elsewhere(i, o))
        return std::nullopt;
    auto const base { value_of(o.mem.base, i, fault, *registers) }, index { value_of(o.mem.index, i, fault, *registers) };
    if (!base || !index)
        return std::nullopt;
    auto const sum { *base + *index * o.mem.scale + static_cast<std::uint64_t>(o.mem.disp.value) };
    return i.address_width == 32 ? sum & 0xffff'ffff : sum;
}

bool may_be(Operand const &o, PageFault const &fault)
{
    bool const in_memory { o.type == ZYDIS_OPERAND_TYPE_MEMORY && (o.mem.type == ZYDIS_MEMOP_TYPE_MEM || o.mem.type == ZYDIS_MEMOP_TYPE_VSIB) };
    return in_memory && (o.actions & (fault.write ? ZYDIS_OPERAND_ACTION_MASK_WRITE : ZYDIS_OPERAND_ACTION_MASK_READ)) != 0;
}

Candidate candidate(Instruction const &i, Operand const &o, PageFault const &fault, Registers const *registers)
{
    return { bits_at_once(i, o) / bits_of_a_byte, o.size / bits_of_a_byte, address_of(i, o, fault, registers) };
}

// Of those whose address is known the one that has the byte, otherwise those that are left, if they agree.
std::optional<MemoryAccess> chosen(std::span<Candidate const> candidates, std::uint64_t address)
{
    std::optional<MemoryAccess> left;
    for (auto const &c : candidates) {
        if (c.begin && address - *c.begin < c.all && c.element != 0) // under a mask, processors name the last byte of the operand as well
            return MemoryAccess { c.element, c.element == c.all ? c.begin : std::nullopt };
        if (c.begin)
            continue;
        if (c.element == 0 || (left && left->bytes != c.element))
            return std::nullopt;
        left = MemoryAccess { c.element, std::nullopt };
    }
    return left;
}

} // namespace

std::optional<MemoryAccess> access_of(std::span<std::byte const> code, PageFault const &fault, Registers const *registers)
{
    ZydisDecoder decoder;
    Instruction instruction;
    Operands operands;
    if (!ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64))
        || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code.data(), code.size(), &instruction, operands.data())) || has_no_fixed_size(instruction))
        return std::nullopt;
    std::array<Candidate, ZYDIS_MAX_OPERAND_COUNT> candidates;
    std::size_t count { 0 };
    for (auto const &o : std::span { operands }.first(instruction.operand_count))
        if (may_be(o, fault))
            candidates[count++] = candidate(instruction, o, fault, registers);
    return chosen(std::span { candidates }.first(count), fault.address);
}

} // namespace gmem::cli::reports
