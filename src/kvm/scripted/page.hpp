#pragma once
// A page of a file as its guest meets it, once KVM has found that the side of the access is what the page is. The caller holds the file's lock.

#include "kvm/scripted/instructions.hpp"
#include "memory/guest_memory.hpp"

namespace gmem::kvm::scripted {

// One access, not across the page, at `gpa`: KVM's fault path gives a private page to the guest first (platform-models.md 0), then the hardware has its say.
Met access_page(memory::GuestMemory &file, PageNo page, std::uint64_t gpa, platform::Side side, platform::Access access, void *bytes, std::size_t size) noexcept GMEM_REQUIRES(file.header().lock);

// An instruction, at its gpa. One that is an access meets what an access on the private side meets; what the others need of the page the platform says,
// and the host gives it.
Answered instruct_page(memory::GuestMemory &file, PageNo page, Operation const &operation) noexcept GMEM_REQUIRES(file.header().lock);

} // namespace gmem::kvm::scripted
