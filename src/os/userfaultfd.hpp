#pragma once
// userfaultfd with UFFD_FEATURE_SIGBUS: a registered page without a PTE raises SIGBUS instead of being populated.

#include "base/result.hpp"
#include "os/address_range.hpp"
#include "os/hidden_fd.hpp"

namespace gmem::os {

// Opens a userfaultfd with the features that gating needs. The syscall first (UFFD_USER_MODE_ONLY needs no privilege), then
// /dev/userfaultfd. Returns a descriptor of the caller's table. EPERM, ENOSYS: forbidden here; EINVAL: too old.
Result<int> open_userfaultfd() noexcept;

// Closed from now on wherever no PTE is present. Existing PTEs stay.
Status register_range(HiddenFd &uffd, AddressRange r) noexcept;

// Natively open from now on: the kernel populates the range by itself.
Status unregister_range(HiddenFd &uffd, AddressRange r) noexcept;

// How far UFFDIO_CONTINUE got, and why it stopped there.
struct Continued final {
    std::size_t mapped; // bytes from the start whose PTEs were installed by this call
    int stopped_by;     // 0: done; EEXIST: a page that is open already; EFAULT: a hole of the file; else a real error
};
Continued continue_range(HiddenFd &uffd, AddressRange r) noexcept;

} // namespace gmem::os
