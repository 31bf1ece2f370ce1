#pragma once
// While it exists, whoever touches a range of this process's addresses waits: threads, and the kernel on their behalf (KVM's vCPUs).
// A userfaultfd that is allowed to hold kernel faults, which needs CAP_SYS_PTRACE, vm.unprivileged_userfaultfd or access to
// /dev/userfaultfd; not the one that gates windows.

#include "base/result.hpp"
#include "os/address_range.hpp"
#include "os/helper.hpp"

#include <utility>

namespace gmem::os {

class Standstill final {
public:
    // EPERM, ENOSYS: not allowed here. `r` must be a MAP_SHARED mapping of a memfd. Signals must be blocked, and the caller must not
    // touch the range before the end.
    static Result<Standstill> of(AddressRange r) noexcept;

    Standstill(Standstill &&o) noexcept : fd_ { std::exchange(o.fd_, -1) } {}
    Standstill &operator=(Standstill &&) = delete;
    ~Standstill(); // everybody goes on

private:
    explicit Standstill(long fd) noexcept : fd_ { fd } {}

    long fd_; // in the helper's table: the program cannot end it
};

} // namespace gmem::os
