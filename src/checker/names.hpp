#pragma once
// What things are called in a trace.

#include "checker/trace.hpp"

#include <compare>

namespace gmem::checker {

// A VM. gmem numbers those of each process, and a VM is its process's alone; elsewhere a number is said to be enough.
struct VmName final {
    std::uint32_t process { 0 };
    std::uint64_t number { 0 };

    friend auto operator<=>(VmName const &, VmName const &) = default;
};

// 0 where the kind has none, or where no VM is behind it: the library's files.
inline std::uint64_t vm_number_of(observe::Event const &e)
{
    using observe::Kind;
    switch (e.kind) {
    case Kind::create:
    case Kind::bind:
    case Kind::unbind:
    case Kind::vm_attributes:
    case Kind::memory_fault:
    case Kind::pre_fault:
    case Kind::launch:    return e.more[3];
    case Kind::hypercall: return e.value;
    default:              return 0;
    }
}

inline VmName vm_of(observe::Event const &e, Order order)
{
    auto const number { vm_number_of(e) };
    return { order == Order::effects && number != 0 ? e.process : 0, number };
}

} // namespace gmem::checker
