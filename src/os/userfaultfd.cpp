#include "os/userfaultfd.hpp"

#include "os/linux_abi.hpp"

#include <sys/ioctl.h>

namespace gmem::os {
namespace {

constexpr unsigned long userfaultfd_ioc_new { 0xAA00 }; // USERFAULTFD_IOC_NEW of /dev/userfaultfd

long open_either_way() noexcept
{
    auto const by_call { system_call(SYS_userfaultfd, O_CLOEXEC | uffd_user_mode_only) };
    if (!failed(by_call))
        return by_call;
    auto const device { system_call(SYS_openat, AT_FDCWD, "/dev/userfaultfd", O_RDWR | O_CLOEXEC) };
    if (failed(device))
        return by_call;
    auto const by_device { system_call(SYS_ioctl, device, userfaultfd_ioc_new, O_CLOEXEC) };
    system_call(SYS_close, device);
    return failed(by_device) ? by_call : by_device;
}

} // namespace

Result<int> open_userfaultfd() noexcept
{
    auto const fd { open_either_way() };
    if (failed(fd))
        return Error::os(fd, "userfaultfd");
    uffdio_api api { .api = UFFD_API, .features = uffd_features_needed, .ioctls = 0 };
    auto const agreed { system_call(SYS_ioctl, fd, UFFDIO_API, &api) };
    if (failed(agreed)) {
        system_call(SYS_close, fd);
        return Error::os(agreed, "userfaultfd.api");
    }
    return static_cast<int>(fd);
}

Status register_range(HiddenFd &uffd, AddressRange r) noexcept
{
    uffdio_register request { .range = { r.begin, r.length() }, .mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR, .ioctls = 0 };
    auto const result { uffd.ioctl(UFFDIO_REGISTER, &request) };
    if (failed(result))
        return Error::os(result, "userfaultfd.register");
    return Ok {};
}

Status unregister_range(HiddenFd &uffd, AddressRange r) noexcept
{
    uffdio_range request { r.begin, r.length() };
    auto const result { uffd.ioctl(UFFDIO_UNREGISTER, &request) };
    if (failed(result))
        return Error::os(result, "userfaultfd.unregister");
    return Ok {};
}

Continued continue_range(HiddenFd &uffd, AddressRange r) noexcept
{
    std::size_t mapped { 0 };
    for (;;) {
        uffdio_continue request { .range = { r.begin + mapped, r.length() - mapped }, .mode = UFFDIO_CONTINUE_MODE_DONTWAKE, .mapped = 0 };
        auto const result { uffd.ioctl(UFFDIO_CONTINUE, &request) };
        if (!failed(result))
            return { r.length(), 0 };
        // EAGAIN with progress: something stopped it on the way; the next call, from there, says what.
        if (result == -EAGAIN) {
            if (request.mapped > 0)
                mapped += static_cast<std::size_t>(request.mapped);
            if (mapped >= r.length())
                return { r.length(), 0 };
            continue;
        }
        return { mapped, static_cast<int>(-result) };
    }
}

} // namespace gmem::os
