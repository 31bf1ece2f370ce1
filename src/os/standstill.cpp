#include "os/standstill.hpp"

#include "os/mapping_calls.hpp"

#include <sys/ioctl.h>

namespace gmem::os {
namespace {

constexpr unsigned long userfaultfd_ioc_new { 0xAA00 }; // USERFAULTFD_IOC_NEW of /dev/userfaultfd

long open_for_kernel_faults() noexcept
{
    auto const by_call { Helper::call(SYS_userfaultfd, O_CLOEXEC) };
    if (!failed(by_call))
        return by_call;
    auto const device { Helper::call(SYS_openat, AT_FDCWD, "/dev/userfaultfd", O_RDWR | O_CLOEXEC) };
    if (failed(device))
        return by_call;
    auto const by_device { Helper::call(SYS_ioctl, device, userfaultfd_ioc_new, O_CLOEXEC) };
    Helper::call(SYS_close, device);
    return failed(by_device) ? by_call : by_device;
}

} // namespace

Result<Standstill> Standstill::of(AddressRange r) noexcept
{
    auto const fd { open_for_kernel_faults() };
    if (failed(fd))
        return Error::os(fd, "standstill.open");
    Standstill still { fd };
    uffdio_api api { .api = UFFD_API, .features = UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM, .ioctls = 0 };
    if (auto const agreed { Helper::call(SYS_ioctl, fd, UFFDIO_API, &api) }; failed(agreed))
        return Error::os(agreed, "standstill.api");
    uffdio_register request { .range = { r.begin, r.length() }, .mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR, .ioctls = 0 };
    if (auto const registered { Helper::call(SYS_ioctl, fd, UFFDIO_REGISTER, &request) }; failed(registered))
        return Error::os(registered, "standstill.register");
    GMEM_CHECK(zap(r)); // from here on nobody has a way in
    return still;
}

// Closing it takes the registration away and wakes whoever waits.
Standstill::~Standstill()
{
    if (fd_ >= 0)
        Helper::call(SYS_close, fd_);
}

} // namespace gmem::os
