#pragma once
// What is at a guest physical address, as the specification sees it: the answer that an exit is corrected to.

#include "attributes/attribute.hpp"

#include <cstdint>

namespace gmem::kvm {

struct GuestPlace final {
    enum class What : std::uint8_t {
        foreign, // no memslot, or one that is the real KVM's affair alone: its exit stands
        memory,  // it can be accessed, at `address`
        fault,   // the specification wants KVM_EXIT_MEMORY_FAULT
    } what { What::foreign };
    Attribute access { Attribute::shared }; // what the guest's access counts as
    bool read_only { false };               // KVM_MEM_READONLY: a write is an exit, whatever is there
    std::uintptr_t address { 0 };           // of the byte, in this process
};

} // namespace gmem::kvm
