#include "driver/vm.hpp"

#include "driver/failure.hpp"
#include "driver/guest_memfd.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>

namespace gmem::driver {

Vm::Vm(unsigned long type)
    : kvm_ { must("open of /dev/kvm", ::open("/dev/kvm", O_RDWR | O_CLOEXEC)) }
    , vm_ { must("KVM_CREATE_VM", ::ioctl(kvm_.get(), KVM_CREATE_VM, type)) }
{
}

void Vm::slot(std::uint32_t number, std::uint64_t gpa, std::uint64_t size, GuestMemfd const &file, std::uint64_t offset)
{
    memory_region2 region {};
    region.slot = number;
    region.flags = MEM_GUEST_MEMFD;
    region.guest_phys_addr = gpa;
    region.memory_size = size;
    region.guest_memfd_offset = offset;
    region.guest_memfd = static_cast<std::uint32_t>(file.fd());
    must("KVM_SET_USER_MEMORY_REGION2", ::ioctl(fd(), SET_USER_MEMORY_REGION2, &region));
}

void Vm::slot(std::uint32_t number, std::uint64_t gpa, std::uint64_t size, void *memory)
{
    kvm_userspace_memory_region region {};
    region.slot = number;
    region.guest_phys_addr = gpa;
    region.memory_size = size;
    region.userspace_addr = reinterpret_cast<std::uintptr_t>(memory);
    must("KVM_SET_USER_MEMORY_REGION", ::ioctl(fd(), KVM_SET_USER_MEMORY_REGION, &region));
}

void Vm::delete_slot(std::uint32_t number) { slot(number, 0, 0, nullptr); }

long Vm::extension(std::uint32_t capability) const { return ::ioctl(fd(), KVM_CHECK_EXTENSION, static_cast<unsigned long>(capability)); }

int Vm::enable(std::uint32_t capability, std::uint64_t argument)
{
    kvm_enable_cap request {};
    request.cap = capability;
    request.args[0] = argument;
    return ::ioctl(fd(), KVM_ENABLE_CAP, &request) == 0 ? 0 : errno;
}

void Vm::must_enable(std::uint32_t capability, std::uint64_t argument)
{
    if (auto const err { enable(capability, argument) })
        throw Failure { "KVM_ENABLE_CAP", err };
}

} // namespace gmem::driver
