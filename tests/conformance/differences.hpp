#pragma once
// Where the running kernel answers otherwise than the specification, and why. A difference that is not here fails.

#include <cerrno>
#include <cstdint>

namespace gmem::conformance::differences {

// Specification 6.1 (13): overlap of file ranges is EEXIST. Kernels up to 6.18 answer EINVAL (the check was moved to the commit of
// the slot later, section 9.7).
inline int binding_overlap(int specified, bool in_place) { return specified == EEXIST && !in_place ? EINVAL : specified; }

// Specification 6.1 (13): offset + size beyond the file is EINVAL. 6.18 adds the two as signed numbers: a sum of exactly or more than
// 2^63 is negative, therefore not beyond the end, and the slot is bound to pages that no file has. Sequences do not ask for it there.
inline bool binding_end_is_undefined(std::uint64_t offset, std::uint64_t size, bool in_place)
{
    constexpr auto sign { std::uint64_t { 1 } << 63 };
    return !in_place && offset < sign && offset + size >= sign;
}

// Specification 9.2: every guest_memfd slot is GMEM_ONLY. Kernels without in-place conversion let a file without MMAP back private
// accesses only (6.2): the guest of a VM without private memory meets userspace_addr there.
inline bool slot_shows_userspace(bool mmap, bool in_place) { return !mmap && !in_place; }

// Specification 4.4: a slot loses its file with the last reference of any process. Under gmem it is the last one of the VM's process.
// Sequences do not look through such a slot while only other processes hold the file.
inline bool slot_loses_what_others_hold(bool in_place) { return in_place; }

// Specification 1.4: a vCPU whose access was refused stands before the instruction and can be sent elsewhere. Under gmem on a KVM without
// hardware page tables that KVM waits for the access, and gmem answers EFAULT until it can be made. Sequences leave such a vCPU alone.
inline bool vcpu_keeps_a_refused_access(bool unreachable_is_mmio) { return unreachable_is_mmio; }

} // namespace gmem::conformance::differences
