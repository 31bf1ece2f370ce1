#pragma once
// What is said when the host's kernel, or a device, meets a page that the trusted side does not let it have: one line on standard error with the page, the
// fault, what comes of it, and the call that did it.

#include "memory/guest_memory.hpp"
#include "platform/verdict.hpp"

namespace gmem::memory {

// Does anybody notice such an access?
constexpr bool is_mistake(platform::HostVerdict const &v) noexcept { return !v.allowed() || v.then != platform::HostVerdict::Then::goes_on; }

// -EFAULT or -EHWPOISON as include/gmem/gmem.h has it: positive; 0 where it is no mistake.
int errno_of(platform::HostVerdict const &v) noexcept;

// `file`: its inode. `state`: of the page, in the platform's words. `call`: who made the access.
void report_host_access(std::uint64_t file, PageNo p, char const *state, platform::Access a, platform::HostVerdict const &v, char const *call) noexcept;

} // namespace gmem::memory
