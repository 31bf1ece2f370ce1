#pragma once
// KVM_SET_MEMORY_ATTRIBUTES2: sections 2.1 to 2.6 and 3.1; before v6, platform-models.md 6.

#include "spec/state.hpp"

#include <array>

namespace gmem::spec {

struct ConvertCall final {
    std::uint64_t offset { 0 }, size { 0 }, attributes { 0 }, flags { 0 };
    std::array<std::uint64_t, 11> reserved {};
    std::uint64_t error_offset { 0 };
};

inline constexpr std::uint64_t attribute_private { 8 };

// Checks 2 and 4 to 10 of 2.2: what the arguments alone decide. 0: the call goes on under the lock.
int convert_argument_errno(VmRules const &vm, std::uint64_t file_size, ConvertCall const &call);
int convert_argument_errno(File const &file, ConvertCall const &call);

// 3.1: EAGAIN without any pin is legal where something else may hold a page for a moment (a fault in flight, another process).
enum class Transient : std::uint8_t { excluded, possible };

// Is `seen` an outcome that the specification allows? If so `file` is moved to the state after it; otherwise the sentence says why not.
Complaint convert(File &file, ConvertCall const &call, Outcome const &seen, Transient transient = Transient::excluded);

// 2.6: what guest_memfd does to the bytes of the range when the call succeeds on `before`.
Touch touched(File const &before, ConvertCall const &call);

} // namespace gmem::spec
