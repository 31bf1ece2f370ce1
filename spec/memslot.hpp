#pragma once
// KVM_SET_USER_MEMORY_REGION2 with KVM_MEM_GUEST_MEMFD: section 6.1.

#include "spec/state.hpp"

namespace gmem::spec {

struct MemslotCall final {
    std::uint32_t slot { 0 }, flags { 0 };
    std::uint64_t gpa { 0 }, size { 0 }, userspace_addr { 0 }, offset { 0 };
};

inline constexpr std::uint32_t mem_log_dirty_pages { 1 }, mem_readonly { 2 }, mem_guest_memfd { 4 };

// What stands behind the descriptor that the call names.
enum class NamedFile : std::uint8_t { not_open, something_else, of_another_vm, ours };

struct VmSlots final {
    std::uint32_t slot_limit;
    std::uint32_t address_spaces;
    std::vector<Binding> slots; // all slots of the VM; those with a file are also in the file's bindings
    std::vector<Binding> in_file; // what of the named file is bound
};

// The errno that the call must have; 0 for success.
int memslot_errno(VmSlots const &vm, MemslotCall const &call, NamedFile named, std::uint64_t file_size);

} // namespace gmem::spec
