#pragma once
// What a vCPU's exit says of memory, written to the log: KVM_EXIT_MEMORY_FAULT and KVM_EXIT_HYPERCALL, as the VMM is about to see them.

#include "kvm/run_page.hpp"
#include "observe/recording.hpp"

namespace gmem::kvm {

void note_exit_slowly(uapi::RunPage const &page, long result, std::uint64_t vm, std::uint32_t vcpu) noexcept;

// After KVM_RUN, which said `result`. Every exit of every guest passes here.
inline void note_exit(uapi::RunPage const &page, long result, std::uint64_t vm, std::uint32_t vcpu) noexcept
{
    if (observe::Log::on()) [[unlikely]]
        note_exit_slowly(page, result, vm, vcpu);
}

} // namespace gmem::kvm
