#pragma once
// Counts how runs of vCPUs ended, in the session's figures (observe/figures.hpp).

#include "kvm/run_page.hpp"
#include "kvm/vm.hpp"
#include "observe/log.hpp"

namespace gmem::kvm {

void count_this_exit(Vm &vm, uapi::RunPage const &page, long result, std::size_t vcpu) noexcept;

// `result`: what KVM_RUN answers the program. `vcpu`: any number that vCPUs seldom share.
inline long counted_exit(Vm &vm, uapi::RunPage const &page, long result, std::size_t vcpu) noexcept
{
    if (observe::Log::on()) [[unlikely]]
        count_this_exit(vm, page, result, vcpu);
    return result;
}

} // namespace gmem::kvm
