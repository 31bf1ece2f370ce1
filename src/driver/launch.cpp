#include "driver/launch.hpp"

#include "driver/failure.hpp"
#include "driver/guest.hpp"
#include "driver/page.hpp"
#include "gmem/realm.h"

#include <fcntl.h>
#include <sys/ioctl.h>

namespace gmem::driver {
namespace {

std::uint64_t address(void const *p) { return reinterpret_cast<std::uintptr_t>(p); }

} // namespace

int SnpLaunch::command(std::uint32_t id, void *data)
{
    uapi::SevCommand request { id, 0, address(data), 0, static_cast<std::uint32_t>(sev_.get()) };
    auto const err { ::ioctl(vm_.fd(), uapi::memory_encrypt_op, &request) == 0 ? 0 : errno };
    told_ = request.error;
    return err;
}

int SnpLaunch::init()
{
    sev_ = Descriptor { must("open of /dev/sev", ::open("/dev/sev", O_RDWR | O_CLOEXEC)) };
    uapi::SevInit parameters {};
    return command(uapi::sev_init2, &parameters);
}

int SnpLaunch::start(std::uint64_t policy)
{
    uapi::SnpLaunchStart parameters {};
    parameters.policy = policy;
    return command(uapi::snp_launch_start, &parameters);
}

int SnpLaunch::update(std::uint64_t gpa, std::uint64_t pages, SnpPage type, void const *source, std::uint64_t *left)
{
    uapi::SnpLaunchUpdate parameters {};
    parameters.gfn_start = gpa / page_size;
    parameters.uaddr = address(source);
    parameters.len = pages * page_size;
    parameters.type = static_cast<std::uint8_t>(type);
    int err;
    do
        err = command(uapi::snp_launch_update, &parameters); // KVM has advanced it as far as it got
    while (err == EAGAIN || (err == 0 && parameters.len != 0));
    if (left)
        *left = parameters.len / page_size;
    return err;
}

int SnpLaunch::finish()
{
    uapi::SnpLaunchFinish parameters {};
    return command(uapi::snp_launch_finish, &parameters);
}

int TdxLaunch::command(int fd, std::uint32_t id, std::uint32_t flags, void *data)
{
    uapi::TdxCommand request { id, flags, address(data), 0 };
    auto const err { ::ioctl(fd, uapi::memory_encrypt_op, &request) == 0 ? 0 : errno };
    told_ = request.hw_error;
    return err;
}

int TdxLaunch::init(std::uint64_t attributes, std::uint64_t xfam)
{
    struct {
        uapi::TdxInitVm vm;
        kvm_cpuid_entry2 entry;
    } parameters {};
    parameters.vm.attributes = attributes;
    parameters.vm.xfam = xfam;
    parameters.vm.cpuid_entries = 1;
    parameters.entry.function = 0x80000008;
    parameters.entry.eax = 48u << 16 | 48u; // of guest physical and of linear addresses
    return command(vm_.fd(), uapi::tdx_init_vm, 0, &parameters);
}

int TdxLaunch::init_vcpu(Guest const &guest) { return command(guest.vcpu(), uapi::tdx_init_vcpu, 0, nullptr); }

int TdxLaunch::init_mem_region(Guest const &guest, std::uint64_t gpa, std::uint64_t pages, void const *source, bool measure)
{
    uapi::TdxInitMemRegion parameters { address(source), gpa, pages };
    int err;
    do
        err = command(guest.vcpu(), uapi::tdx_init_mem_region, measure ? uapi::tdx_measure_memory_region : 0, &parameters);
    while (err == EINTR || err == EAGAIN);
    return err;
}

int TdxLaunch::finalize() { return command(vm_.fd(), uapi::tdx_finalize_vm, 0, nullptr); }

int RealmLaunch::populate(std::uint64_t ipa, std::uint64_t pages, void const *source, bool measure)
{
    gmem_realm_populate parameters { ipa, pages * page_size, address(source), measure ? GMEM_REALM_MEASURE : 0, 0 };
    int err;
    do
        err = ::ioctl(vm_.fd(), GMEM_REALM_POPULATE, &parameters) == 0 ? 0 : errno;
    while (err == EINTR || (err == 0 && parameters.size != 0));
    return err;
}

} // namespace gmem::driver
