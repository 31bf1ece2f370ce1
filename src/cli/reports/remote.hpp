#pragma once
// Memory of another process, from outside. What is read is what lies there now: of use where a thread stands still.

#include "cli/reports/instruction.hpp"

#include <sys/types.h>

namespace gmem::cli::reports {

// Bytes that could be read from `address` on, up to as many as `to` has room for. 0: none, the process is gone, or it may not be looked at.
std::size_t read_memory(pid_t process, std::uint64_t address, std::span<std::byte> to);

// Of a thread that a signal interrupted at `instruction`: `context` is the ucontext_t that its handler got. nullopt: it is not there.
std::optional<Registers> registers_in(pid_t process, std::uint64_t context, std::uint64_t instruction);

} // namespace gmem::cli::reports
