#pragma once
// KVM_SET_USER_MEMORY_REGION and ...2: section 6.1. Slots without a guest_memfd follow KVM's documented rules (api.rst).

#include "spec/state.hpp"

namespace gmem::spec {

struct MemslotCall final {
    std::uint32_t slot { 0 }, flags { 0 };
    std::uint64_t gpa { 0 }, size { 0 }, userspace_addr { 0 }, offset { 0 };
};

inline constexpr std::uint32_t mem_log_dirty_pages { 1 }, mem_readonly { 2 }, mem_guest_memfd { 4 };

// The old ioctl has no room for a file.
enum class MemslotVersion : std::uint8_t { one, two };

// What stands behind the descriptor that the call names.
enum class NamedFile : std::uint8_t { not_open, something_else, of_another_vm, ours };

// A file as slots know it: a name that is never given twice.
enum class FileId : std::uint64_t {};

struct Slot final {
    MemslotCall made_with;
    std::optional<FileId> file; // empty in a slot with KVM_MEM_GUEST_MEMFD: the file has gone (4.4, last reference)

    bool with_file() const { return (made_with.flags & mem_guest_memfd) != 0; }
};

struct VmSlots final {
    std::uint32_t slot_limit;
    std::uint32_t address_spaces;
    std::vector<Slot> slots;
};

struct MemslotFile final {
    NamedFile named;
    FileId id;
    std::uint64_t size;
};

// (1) to (9): what the numbers alone decide; 0: the slots are asked.
int memslot_argument_errno(VmSlots const &vm, MemslotCall const &call, MemslotVersion version = MemslotVersion::two);

// The errno that the call must have; 0 for success.
int memslot_errno(VmSlots const &vm, MemslotCall const &call, MemslotFile const &file, MemslotVersion version = MemslotVersion::two);

// The slots after success: made, moved, with other flags, or deleted.
void memslot_done(VmSlots &vm, MemslotCall const &call, MemslotFile const &file);

// 12: would the call overlap another slot in guest memory?
bool overlaps_in_guest(VmSlots const &vm, MemslotCall const &call);

// 4.4: the last reference to a file has gone. Its slots stay.
void file_gone(VmSlots &vm, FileId file);

// What a guest access meets: sections 4.2, 4.4, 6.2 and 6.4, every slot with a guest_memfd being GMEM_ONLY (9.2).
enum class GuestMeets : std::uint8_t { mmio, memory_fault, file, userspace };
struct GuestAccess final {
    GuestMeets what;
    std::uint64_t at { 0 }; // offset in the file, or address of the VMM
    std::optional<FileId> file {};
};
GuestAccess guest_access(VmSlots const &vm, std::uint64_t gpa);

} // namespace gmem::spec
