#include "driver/guest_memfd.hpp"

#include "driver/failure.hpp"
#include "driver/vm.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>

namespace gmem::driver {
namespace {

int create(Vm const &vm, std::uint64_t size, std::uint64_t flags)
{
    create_guest_memfd request { size, flags, {} };
    return must("KVM_CREATE_GUEST_MEMFD", ::ioctl(vm.fd(), CREATE_GUEST_MEMFD, &request));
}

} // namespace

GuestMemfd::GuestMemfd(Vm const &vm, std::uint64_t size, std::uint64_t flags) : size_ { size }, fd_ { create(vm, size, flags) } {}

Converted GuestMemfd::convert(std::uint64_t offset, std::uint64_t size, To to, std::uint64_t flags) const
{
    memory_attributes2 request {};
    request.offset = offset;
    request.size = size;
    request.attributes = to == To::private_ ? MEMORY_ATTRIBUTE_PRIVATE : 0;
    request.flags = flags;
    auto const err { ::ioctl(fd(), SET_MEMORY_ATTRIBUTES2, &request) == 0 ? 0 : errno };
    return { err, request.error_offset };
}

int GuestMemfd::punch(std::uint64_t offset, std::uint64_t size) const
{
    return ::fallocate(fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(size)) == 0 ? 0 : errno;
}

} // namespace gmem::driver
