#pragma once
// What an instruction accessed when it faulted: decoded from its bytes with Zydis. What cannot be known is not said; nothing is guessed.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace gmem::cli::reports {

// No x86 instruction has more bytes.
inline constexpr std::size_t longest_instruction { 15 };

// General registers before the instruction, in the order of their encoding: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 ... r15.
using Registers = std::array<std::uint64_t, 16>;

// A page fault, as the processor tells of it.
struct PageFault final {
    std::uint64_t instruction; // its address
    std::uint64_t address;     // the byte that could not be had: the first, but not under a mask
    bool write;
};

struct MemoryAccess final {
    // What is accessed at once: of rep movs, gather, scatter and of masked vectors one element.
    std::uint64_t bytes;
    // Address of its first byte, which is before the fault's where the access straddles two pages. nullopt: not known, as where only elements are accessed.
    std::optional<std::uint64_t> begin;
};

// `code`: bytes from the instruction's address on, as many as there are, up to longest_instruction. Without `registers` an operand is told by whether it is
// written. nullopt: no instruction of 64-bit mode, none that does what the fault says, or its size depends on more than its bytes.
std::optional<MemoryAccess> access_of(std::span<std::byte const> code, PageFault const &fault, Registers const *registers);

} // namespace gmem::cli::reports
