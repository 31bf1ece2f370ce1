#pragma once
// A guest's access to one page of a VM with private memory (SW_PROTECTED): sections 4.2, 4.4 (close, delete memslot), 6.2, 6.4, 9.2.

#include "spec/kernel.hpp"

namespace gmem::spec {

// The memslot at the page, if there is one.
struct SlotThere final {
    bool exists { false };
    bool with_file { false };
    bool file_gone { false };
    bool file_mappable { false }; // GUEST_MEMFD_FLAG_MMAP
};

struct GuestAccess final {
    enum class What { userspace, file, mmio, memory_fault } what;
    bool counts_as_private { false }; // KVM_MEMORY_EXIT_FLAG_PRIVATE of a memory fault

    friend bool operator==(GuestAccess, GuestAccess) = default;
};

// `file_private`, `frame_private`: what the file and the VM would say, if they were asked (1.6 says who is).
GuestAccess guest_access(SlotThere slot, bool file_private, bool frame_private, Kernel kernel);

} // namespace gmem::spec
