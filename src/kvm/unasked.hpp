#pragma once
// --inject=request: a guest asks its VMM for a conversion that no guest of this VM has asked for. docs/inject.md.

#include "attributes/attribute.hpp"
#include "kvm/run_page.hpp"

namespace gmem::kvm {

struct Unasked final {
    std::uint64_t gpa; // of one page
    Attribute to;
    bool as_hypercall; // else KVM_EXIT_MEMORY_FAULT
};

// The exit, in the run page of a vCPU that waits for nothing. What KVM_RUN answers: 0, or -EFAULT.
long tell(uapi::RunPage &page, Unasked const &request) noexcept;

} // namespace gmem::kvm
