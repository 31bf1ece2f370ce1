#include "tests/generated/kernel_subject.hpp"

#include "tests/conformance/differences.hpp"
#include "tests/conformance/uapi.hpp"
#include "tests/generated/touch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace gmem::generated {
namespace {

using namespace gmem::conformance;

constexpr unsigned cap_nr_memslots { 10 }, cap_multi_address_space { 118 }, cap_vm_types { 235 };
constexpr std::uint64_t untouched { 0xfeed };
constexpr unsigned long policy_of_address { 2 };

template <typename T>
int errno_after(T result)
{
    return result == static_cast<T>(-1) ? errno : 0;
}

int fd_of(Handle h) { return static_cast<int>(h); }
int open_kvm() { return open("/dev/kvm", O_RDWR | O_CLOEXEC); }

} // namespace

std::optional<std::string> KernelSubject::missing()
{
    int const kvm { open_kvm() };
    if (kvm < 0)
        return std::string { "/dev/kvm: " } + std::strerror(errno);
    bool const has { (ioctl(kvm, kvm_check_extension, spec::cap_guest_memfd_flags) & 3) == 3 };
    ::close(kvm);
    if (!has)
        return "this kernel has no guest_memfd that can be mapped (KVM_CAP_GUEST_MEMFD_FLAGS)";
    return std::nullopt;
}

KernelSubject::KernelSubject() : kvm_ { open_kvm() }
{
    features_.in_place = ioctl(kvm_, kvm_check_extension, spec::cap_in_place) > 0;
    features_.private_vms = (ioctl(kvm_, kvm_check_extension, cap_vm_types) & 2) != 0;
    features_.odd_maps = true;
    features_.peers = true; // not probed: a probe would hide what is broken
    features_.slot_limit = static_cast<std::uint32_t>(ioctl(kvm_, kvm_check_extension, cap_nr_memslots));
    features_.address_spaces = std::max(1u, static_cast<std::uint32_t>(ioctl(kvm_, kvm_check_extension, cap_multi_address_space)));
    features_.overlap_in_file = differences::binding_overlap(EEXIST, features_.in_place);
    find_out_about_pins();
    find_out_about_slots();
    find_out_about_policies();
    find_out_about_guests();
}

// Whether a pinned page refuses to become private.
void KernelSubject::find_out_about_pins()
{
    features_.pins = !features_.in_place; // a kernel pins; whether it refuses cannot be seen where nothing converts
    if (!features_.in_place)
        return;
    auto const vm { create_vm(spec::VmType::sw_protected) };
    auto const file { create(vm, { page_size, spec::flag_mmap | spec::flag_init_shared }) };
    char *window { nullptr };
    if (map(file, 0, { page_size, true, false }, window) == 0) {
        touch_write(window, 1);
        spec::ConvertCall const to_private { 0, page_size, spec::attribute_private, 0, {} };
        auto const held { pin(file, window, 0, page_size) };
        features_.pins = held >= 0 && convert(file, to_private).err == EAGAIN;
        if (held >= 0)
            unpin(held, 0, page_size);
        unmap(window, page_size);
    }
    close(file);
    close_vm(vm);
}

// Where there is no /dev/kvm to be used, gmem's own knows the slots of files only: their neighbours may then change their size.
void KernelSubject::find_out_about_slots()
{
    auto const vm { create_vm(spec::VmType::default_vm) };
    auto const set { [&](std::uint64_t size) { return memslot(vm, spec::MemslotVersion::one, { 0, 0, guest_base, size, guest_base, 0 }, spec::NamedFile::not_open, -1); } };
    features_.ordinary_slots = set(page_size) == 0 && set(2 * page_size) == EINVAL;
    close_vm(vm);
}

// A guest_memfd keeps policies since 6.19; before, they belong to the mapping and another window does not see them.
void KernelSubject::find_out_about_policies()
{
    if (features_.in_place) { // a kernel that converts is younger than that
        features_.nodes = nodes_of_this_task();
        return;
    }
    auto const vm { create_vm(spec::VmType::default_vm) };
    auto const file { create(vm, { page_size, spec::flag_mmap | spec::flag_init_shared }) };
    char *window { nullptr }, *other { nullptr };
    if (map(file, 0, { page_size, true, false }, window) == 0 && map(file, 0, { page_size, true, false }, other) == 0
        && bind(file, window, { 0, 1, spec::policy_bind, 1, 0 }) == 0 && policy(file, other, 0).mode == spec::policy_bind)
        features_.nodes = nodes_of_this_task();
    unmap(window, page_size);
    unmap(other, page_size);
    close(file);
    close_vm(vm);
}

// A KVM without hardware page tables may resolve a guest_memfd slot through userspace_addr: then it says nothing about the file.
void KernelSubject::find_out_about_guests()
{
    auto const vm { create_vm(features_.in_place ? spec::VmType::sw_protected : spec::VmType::default_vm) };
    auto const file { create(vm, { page_size, spec::flag_mmap | spec::flag_init_shared }) };
    if (memslot(vm, spec::MemslotVersion::two, { 0, spec::mem_guest_memfd, guest_base, page_size, 0, 0 }, spec::NamedFile::ours, file) == 0) {
        auto const seen { guest_touch(vm, guest_base, 7) };
        features_.guests = seen && seen->what == GuestSeen::What::done;
    }
    // An ordinary slot on addresses where nothing is: asked of the host's KVM alone, no guest_memfd is involved.
    if (auto *const nothing { mmap(nullptr, page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) }; nothing != MAP_FAILED) {
        spec::MemslotCall const call { 1, 0, guest_base + 16 * page_size, page_size, reinterpret_cast<std::uintptr_t>(nothing), 0 };
        if (memslot(vm, spec::MemslotVersion::one, call, spec::NamedFile::not_open, -1) == 0)
            if (auto const seen { guest_touch(vm, call.gpa, std::nullopt) })
                features_.unreachable_is_mmio = seen->what == GuestSeen::What::mmio;
        munmap(nothing, page_size);
    }
    close(file);
    close_vm(vm);
}

Handle KernelSubject::create_vm(spec::VmType type)
{
    int const fd { ioctl(kvm_, kvm_create_vm, static_cast<unsigned long>(type)) };
    return fd < 0 ? -errno : fd;
}

void KernelSubject::close_vm(Handle vm)
{
    guests_.erase(vm);
    waiting_.erase(vm);
    ::close(fd_of(vm));
}

Handle KernelSubject::create(Handle vm, spec::CreateCall const &call)
{
    CreateGuestMemfd request { call.size, call.flags, {} };
    int const fd { ioctl(fd_of(vm), kvm_create_guest_memfd, &request) };
    return fd < 0 ? -errno : fd;
}

Handle KernelSubject::duplicate(Handle file)
{
    int const fd { dup(fd_of(file)) };
    return fd < 0 ? -errno : fd;
}

void KernelSubject::close(Handle file) { ::close(fd_of(file)); }

spec::Outcome KernelSubject::convert(Handle file, spec::ConvertCall const &call)
{
    MemoryAttributes2 request { call.offset, call.size, call.attributes, call.flags, untouched, {} };
    std::copy(call.reserved.begin(), call.reserved.end(), std::begin(request.reserved));
    auto const err { errno_after(ioctl(fd_of(file), kvm_set_memory_attributes2, &request)) };
    return { err, request.error_offset == untouched ? std::nullopt : std::optional { request.error_offset } };
}

int KernelSubject::fallocate(Handle file, spec::FallocateCall const &call) { return errno_after(::fallocate(fd_of(file), call.mode, call.offset, call.length)); }

int KernelSubject::map(Handle file, std::uint64_t offset, spec::MmapCall const &call, char *&address)
{
    auto *const mapped { mmap(nullptr, call.length, PROT_READ | PROT_WRITE | (call.executable ? PROT_EXEC : 0), call.shared ? MAP_SHARED : MAP_PRIVATE, fd_of(file), static_cast<off_t>(offset)) };
    if (mapped == MAP_FAILED)
        return errno;
    address = static_cast<char *>(mapped);
    return 0;
}

int KernelSubject::unmap(char *address, std::uint64_t length) { return errno_after(munmap(address, length)); }

int KernelSubject::memslot(Handle vm, spec::MemslotVersion version, spec::MemslotCall const &call, spec::NamedFile named, Handle file)
{
    auto const descriptor { named == spec::NamedFile::not_open ? -1 : named == spec::NamedFile::something_else ? kvm_ : fd_of(file) };
    MemoryRegion2 request { call.slot, call.flags, call.gpa, call.size, call.userspace_addr, call.offset, static_cast<std::uint32_t>(descriptor), 0, {} };
    return errno_after(ioctl(fd_of(vm), version == spec::MemslotVersion::one ? kvm_set_user_memory_region : kvm_set_user_memory_region2, &request));
}

int KernelSubject::refused(Handle file, spec::Refused what)
{
    auto const fd { fd_of(file) };
    char byte { 0 };
    switch (what) {
    case spec::Refused::truncate:     return errno_after(ftruncate(fd, 0));
    case spec::Refused::change_mode:  return errno_after(fchmod(fd, 0600));
    case spec::Refused::change_owner: return errno_after(fchown(fd, 0, 0));
    case spec::Refused::change_times: return errno_after(futimens(fd, nullptr));
    case spec::Refused::read:         return errno_after(::read(fd, &byte, 1));
    case spec::Refused::write:        return errno_after(::write(fd, &byte, 1));
    case spec::Refused::read_at:      return errno_after(pread(fd, &byte, 1, 0));
    case spec::Refused::write_at:     return errno_after(pwrite(fd, &byte, 1, 0));
    case spec::Refused::seek:         return errno_after(lseek(fd, 0, SEEK_SET));
    }
    return ENOSYS;
}

std::optional<GuestSeen> KernelSubject::guest_touch(Handle vm, std::uint64_t gpa, std::optional<std::uint8_t> value)
{
    if (!vcpus_run_ || waiting_.contains(vm))
        return std::nullopt;
    auto const made { guests_.try_emplace(vm, kvm_, fd_of(vm)) };
    auto &guest { made.first->second };
    vcpus_run_ = guest.ok();
    if (!vcpus_run_)
        return std::nullopt;
    auto const seen { value ? guest.store(gpa, *value) : guest.load(gpa) };
    if (differences::vcpu_keeps_a_refused_access(features_.unreachable_is_mmio) && seen.what == GuestSeen::What::efault)
        waiting_.insert(vm);
    return seen;
}

std::optional<long> KernelSubject::capability(std::optional<Handle> vm, unsigned which) { return ioctl(vm ? fd_of(*vm) : kvm_, kvm_check_extension, static_cast<unsigned long>(which)); }

std::optional<int> KernelSubject::vm_attributes(Handle vm, std::uint64_t attributes)
{
    std::array<std::uint64_t, 4> request { 0, page_size, attributes, 0 };
    return errno_after(ioctl(fd_of(vm), kvm_set_memory_attributes, request.data()));
}

std::optional<spec::Facts> KernelSubject::facts(Handle file)
{
    struct stat s {};
    if (fstat(fd_of(file), &s) != 0)
        return std::nullopt;
    return spec::Facts { static_cast<std::uint64_t>(s.st_size), static_cast<std::uint64_t>(s.st_blksize), static_cast<std::uint64_t>(s.st_blocks), s.st_mode };
}

int KernelSubject::bind(Handle, char *address, spec::MbindCall const &call)
{
    return errno_after(syscall(SYS_mbind, address, call.pages * page_size, call.mode, &call.nodes, 65ul, call.flags));
}

spec::Policy KernelSubject::policy(Handle, char *address, std::uint64_t)
{
    spec::Policy p;
    std::array<std::uint64_t, 16> nodes {};
    if (syscall(SYS_get_mempolicy, &p.mode, nodes.data(), 1024ul, address, policy_of_address) != 0)
        p.mode = -errno;
    p.nodes = nodes[0];
    return p;
}

int KernelSubject::export_file(Handle file) { return static_cast<int>(duplicate(file)); }
Handle KernelSubject::import_file(int fd) { return fd; }

Handle KernelSubject::pin(Handle, char *address, std::uint64_t, std::uint64_t length)
{
    std::array<int, 2> ends {};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return -errno;
    iovec const one { address, length };
    auto const err { errno_after(vmsplice(ends[1], &one, 1, 0)) };
    ::close(ends[1]);
    if (err == 0)
        return ends[0];
    ::close(ends[0]);
    return -err;
}

int KernelSubject::unpin(Handle pin, std::uint64_t, std::uint64_t) { return errno_after(::close(fd_of(pin))); }

void KernelSubject::forget_pin(Handle pin) { ::close(fd_of(pin)); }

} // namespace gmem::generated
