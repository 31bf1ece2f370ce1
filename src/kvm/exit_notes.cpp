#include "kvm/exit_notes.hpp"

#include <cerrno>

namespace gmem::kvm {

void note_exit_slowly(uapi::RunPage const &page, long result, std::uint64_t vm, std::uint32_t vcpu) noexcept
{
    auto const number { static_cast<std::int32_t>(result) };
    if ((result == -EFAULT || result == -EHWPOISON) && page.exit_reason == uapi::exit_memory_fault) {
        auto const fault { page.memory_fault };
        (void)observe::note(observe::Kind::memory_fault, { .result = number, .size = fault.size, .more = { fault.gpa, 0, fault.flags, vm, vcpu } });
    } else if (result == 0 && page.exit_reason == uapi::exit_hypercall) {
        auto const call { page.hypercall };
        (void)observe::note(observe::Kind::hypercall, { .value = static_cast<std::uint16_t>(vm), .more = { call.nr, 0, call.arguments[0], call.arguments[1], call.arguments[2], vcpu } });
    }
}

} // namespace gmem::kvm
