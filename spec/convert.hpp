#pragma once
// KVM_SET_MEMORY_ATTRIBUTES2: sections 2.2 to 2.4.

#include "spec/state.hpp"

#include <array>
#include <string>

namespace gmem::spec {

struct ConvertCall final {
    std::uint64_t offset { 0 }, size { 0 }, attributes { 0 }, flags { 0 };
    std::array<std::uint64_t, 11> reserved {};
};

inline constexpr std::uint64_t attribute_private { 8 };

// Checks 2 and 4 to 10 of 2.2: what the arguments alone decide. 0: the call goes on under the lock.
int convert_argument_errno(File const &file, ConvertCall const &call);

// Is `seen` an outcome that the specification allows? If so `file` is moved to the state after it; otherwise the sentence says why not.
std::optional<std::string> convert(File &file, ConvertCall const &call, Outcome const &seen);

} // namespace gmem::spec
