#pragma once
// What a VMM is told of guest memory by KVM_RUN and KVM_PRE_FAULT_MEMORY: sections 1.4, 1.5, 4.2 and 6.6. Of what these leave open KVM's documented interface
// (api.rst, hypercalls.rst) decides.

#include "spec/state.hpp"

namespace gmem::spec {

inline constexpr std::uint64_t memory_exit_private { 8 }; // KVM_MEMORY_EXIT_FLAG_PRIVATE
inline constexpr std::uint64_t map_gpa_range { 12 };      // KVM_HC_MAP_GPA_RANGE

// KVM_EXIT_MEMORY_FAULT, in bytes.
struct MemoryFault final {
    std::uint64_t flags, gpa, size;
};

// A realm's exits may be of ranges (RIPAS changes, platform-models.md 4); all others are an MMU's, of one page.
enum class FaultOf : std::uint8_t { page, range };

// 1.4: can an exit look so at all?
Complaint memory_fault_form(MemoryFault const &fault, FaultOf what);

// A page that a memslot shows of a file that is still there.
struct GuestPage final {
    bool vm_has_private_memory;
    PageState state;
};

// May KVM_RUN fail with EFAULT and say so of this page?
Complaint memory_fault_of(GuestPage page, bool access_is_private);

// 6.6: may KVM_HC_MAP_GPA_RANGE with these arguments leave KVM_RUN? What is malformed is answered to the guest at once.
Complaint map_gpa_range_form(std::uint64_t gpa, std::uint64_t pages);

// KVM_PRE_FAULT_MEMORY.
struct PreFaultCall final {
    std::uint64_t gpa, size, flags;
};
enum class Launched : std::uint8_t { no_launch, under_way, finished };

// The errno that the arguments and the launch decide; 0: it is up to the memslots and the world.
int pre_fault_errno(PreFaultCall const &call, Launched launch);

// Progress is success: `left` of `call.size` bytes remain. `err` is 0 for success.
Complaint pre_fault_progress(PreFaultCall const &call, int err, std::uint64_t left);

} // namespace gmem::spec
