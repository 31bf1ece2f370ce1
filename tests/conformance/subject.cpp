#include "tests/conformance/subject.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gmem::conformance {
namespace {

thread_local sigjmp_buf escape;
thread_local volatile sig_atomic_t expecting { 0 };
thread_local siginfo_t seen;

void on_sigbus(int, siginfo_t *info, void *)
{
    if (!expecting)
        _exit(99);
    seen = *info;
    siglongjmp(escape, 1);
}

Offer ask()
{
    struct sigaction action {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, nullptr);

    Offer o;
    o.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (o.kvm < 0) {
        o.lacks = std::string { "/dev/kvm: " } + std::strerror(errno);
        return o;
    }
    if ((ioctl(o.kvm, kvm_check_extension, 244) & 3) != 3) {
        o.lacks = "this kernel has no guest_memfd that can be mapped (KVM_CAP_GUEST_MEMFD_FLAGS)";
        return o;
    }
    o.in_place = ioctl(o.kvm, kvm_check_extension, 250) > 0;
    o.has_private_vms = (ioctl(o.kvm, kvm_check_extension, 235) & 2) != 0;
    o.vm_type = o.in_place ? 1 : 0;
    o.rules = { .private_memory = o.vm_type == 1, .in_place_conversion = o.in_place };
    return o;
}

} // namespace

Offer const &Offer::here()
{
    static Offer const offer { ask() };
    return offer;
}

Vm::Vm() : fd_ { ioctl(Offer::here().kvm, kvm_create_vm, Offer::here().vm_type) } {}
Vm::~Vm() { close(fd_); }

int Vm::create(std::uint64_t size, std::uint64_t flags) const
{
    CreateGuestMemfd request { size, flags, {} };
    int const fd { ioctl(fd_, kvm_create_guest_memfd, &request) };
    return fd < 0 ? -errno : fd;
}

Touch read_byte(void *p)
{
    Touch t;
    expecting = 1;
    if (sigsetjmp(escape, 1) == 0) {
        t.value = *static_cast<volatile std::uint8_t *>(p);
        t.works = true;
    } else {
        t.code = seen.si_code;
        t.address = seen.si_addr;
    }
    expecting = 0;
    return t;
}

Touch write_byte(void *p, std::uint8_t value)
{
    Touch t;
    expecting = 1;
    if (sigsetjmp(escape, 1) == 0) {
        *static_cast<volatile std::uint8_t *>(p) = value;
        t.works = true;
    } else {
        t.code = seen.si_code;
        t.address = seen.si_addr;
    }
    expecting = 0;
    return t;
}

int convert(int fd, MemoryAttributes2 &request) { return errno_of(ioctl(fd, kvm_set_memory_attributes2, &request)); }
int bind(int vm, MemoryRegion2 const &request) { return errno_of(ioctl(vm, kvm_set_user_memory_region2, &request)); }

} // namespace gmem::conformance
