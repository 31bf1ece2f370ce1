#include "tests/generated/library_subject.hpp"

#include "gmem/gmem.h"
#include "kvm/capabilities.hpp"
#include "kvm/guest_memfd.hpp"
#include "kvm/vm.hpp"
#include "library/prepare.hpp"
#include "os/kill_points.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

namespace gmem::generated {
namespace {

namespace uapi = kvm::uapi;

constexpr std::uint64_t untouched { 0xfeed };

kvm::Vm &vm_of(Handle h) { return *reinterpret_cast<kvm::Vm *>(h); }
gmem_file *file_of(Handle h) { return reinterpret_cast<gmem_file *>(h); }
memory::GuestMemory &memory_of(Handle h) { return *reinterpret_cast<memory::GuestMemory *>(h); } // the handle of the C interface is the object
Handle handle_of(void *p) { return reinterpret_cast<Handle>(p); }

// The "descriptor" of the call under way: there is no table of descriptors here.
enum Named : int { not_open = -1, something_else = 1, the_file = 2 };
memory::GuestMemory *named_file { nullptr };

memory::GuestMemory *look_up(int fd, int &error) noexcept
{
    if (fd == the_file && named_file->try_acquire())
        return named_file;
    error = fd == not_open ? EBADF : EINVAL;
    return nullptr;
}

int errno_of(int negative) { return -negative; }

} // namespace

LibrarySubject::LibrarySubject()
{
    setenv("GMEM_PEER_TIMEOUT", "20000", 0); // a busy machine is no difference
    features_.in_place = true;
    features_.private_vms = true;
    features_.free_files = true;
    features_.nodes = nodes_of_this_task();
    features_.peers = true; // not probed: a probe would hide what is broken
    features_.pins = true;
    features_.pins_by_range = true;
    features_.longest_pin = 6;
    features_.recovers_in_calls = false; // only the preload library is between the program and its system calls
    features_.slot_limit = static_cast<std::uint32_t>(uapi::user_memslots);
    features_.overlap_in_file = EEXIST;
}

Handle LibrarySubject::create_vm(spec::VmType type)
{
    auto made { kvm::Vm::create(type == spec::VmType::sw_protected ? kvm::Vm::Kind::with_private_memory : kvm::Vm::Kind::without_private_memory, kvm::Vm::Backing::none) };
    return made ? handle_of(std::move(made).take()) : -made.error().err;
}

void LibrarySubject::close_vm(Handle vm) { vm_of(vm).release(); }

Handle LibrarySubject::create(Handle vm, spec::CreateCall const &call)
{
    if (vm < 0) {
        gmem_file *file { nullptr };
        auto const result { gmem_create(call.size, call.flags, &file) };
        return result < 0 ? result : handle_of(file);
    }
    library::prepare_process();
    uapi::CreateGuestMemfd const request { call.size, call.flags, { 1, 2, 3, 4, 5, 6 } }; // 1.3: reserved is not checked
    memory::GuestMemory *made { nullptr };
    auto const fd { vm_of(vm).create_guest_memfd(reinterpret_cast<std::uintptr_t>(&request), made) };
    if (fd < 0)
        return fd;
    ::close(static_cast<int>(fd)); // the reference is `made`'s
    return handle_of(made);
}

Handle LibrarySubject::duplicate(Handle file) { return memory_of(file).try_acquire() ? file : -EBADF; }

void LibrarySubject::close(Handle file) { gmem_destroy(file_of(file)); }

spec::Outcome LibrarySubject::convert(Handle file, spec::ConvertCall const &call)
{
    bool const plain { call.flags == 0 && (call.attributes & ~spec::attribute_private) == 0 && std::ranges::all_of(call.reserved, [](auto w) { return w == 0; }) };
    if (plain && call.size != 0 && memory_of(file).conversions() == memory::Conversions::allowed) {
        std::uint64_t where { untouched };
        auto const result { gmem_convert(file_of(file), call.offset, call.size, call.attributes ? GMEM_PRIVATE : GMEM_SHARED, &where) };
        return { errno_of(result), where == untouched ? std::nullopt : std::optional { where } };
    }
    uapi::MemoryAttributes2 request { call.offset, call.size, call.attributes, call.flags, untouched, {} };
    std::copy(call.reserved.begin(), call.reserved.end(), std::begin(request.reserved));
    auto const result { kvm::guest_memfd_ioctl(memory_of(file), uapi::set_memory_attributes2, reinterpret_cast<std::uintptr_t>(&request)) };
    return { static_cast<int>(-result), request.error_offset == untouched ? std::nullopt : std::optional { request.error_offset } };
}

int LibrarySubject::fallocate(Handle file, spec::FallocateCall const &call)
{
    return static_cast<int>(-kvm::guest_memfd_fallocate(memory_of(file), call.mode, call.offset, call.length));
}

int LibrarySubject::map(Handle file, std::uint64_t offset, spec::MmapCall const &call, char *&address)
{
    void *mapped { nullptr };
    auto const result { gmem_map(file_of(file), offset, call.length, PROT_READ | PROT_WRITE, &mapped) };
    address = static_cast<char *>(mapped);
    return errno_of(result);
}

int LibrarySubject::unmap(char *address, std::uint64_t length) { return errno_of(gmem_unmap(address, length)); }

int LibrarySubject::memslot(Handle vm, spec::MemslotVersion version, spec::MemslotCall const &call, spec::NamedFile named, Handle file)
{
    named_file = file > 0 ? &memory_of(file) : nullptr;
    auto const descriptor { named == spec::NamedFile::not_open ? not_open : named == spec::NamedFile::something_else ? something_else : the_file };
    uapi::UserspaceMemoryRegion2 request {};
    request.region = { call.slot, call.flags, call.gpa, call.size, call.userspace_addr };
    request.guest_memfd_offset = call.offset;
    request.guest_memfd = static_cast<std::uint32_t>(descriptor);
    auto const argument { reinterpret_cast<std::uintptr_t>(&request) };
    return static_cast<int>(-(version == spec::MemslotVersion::one ? vm_of(vm).set_memory_region(-1, argument, &look_up) : vm_of(vm).set_memory_region2(-1, argument, &look_up)));
}

std::optional<long> LibrarySubject::capability(std::optional<Handle> vm, unsigned which)
{
    using enum kvm::AskedOn;
    return kvm::capability(which, !vm ? system : vm_of(*vm).has_private_memory() ? vm_with_private_memory : vm_without, kvm::Tracker::files, platform::Profile::current(), 0);
}

std::optional<spec::PageState> LibrarySubject::state(Handle file, std::uint64_t offset)
{
    auto const attribute { gmem_attribute_at(file_of(file), offset) };
    if (attribute < 0)
        return std::nullopt;
    return attribute == GMEM_PRIVATE ? spec::PageState::private_ : spec::PageState::shared;
}

std::optional<std::uint8_t> LibrarySubject::guest_read(Handle file, std::uint64_t offset)
{
    std::uint8_t byte { 0 };
    return gmem_guest_read(file_of(file), offset, &byte, 1) == 0 ? std::optional { byte } : std::nullopt;
}

bool LibrarySubject::guest_write(Handle file, std::uint64_t offset, std::uint8_t value) { return gmem_guest_write(file_of(file), offset, &value, 1) == 0; }

spec::Complaint LibrarySubject::audit(Handle file)
{
    std::array<char, 200> text {};
    if (gmem_audit(file_of(file), text.data(), text.size()) == 0)
        return std::nullopt;
    return std::string { "audit: " } + text.data();
}

int LibrarySubject::bind(Handle file, char *, spec::MbindCall const &call)
{
    static_assert(sizeof(unsigned long) == sizeof call.nodes);
    return errno_of(gmem_mbind(file_of(file), call.first * page_size, call.pages * page_size, call.mode, &call.nodes, 65, call.flags));
}

spec::Policy LibrarySubject::policy(Handle file, char *, std::uint64_t page)
{
    spec::Policy p;
    std::array<unsigned long, 16> nodes {};
    if (auto const result { gmem_get_mempolicy(file_of(file), page * page_size, &p.mode, nodes.data(), 1024) }; result < 0)
        p.mode = result;
    p.nodes = nodes[0];
    return p;
}

int LibrarySubject::export_file(Handle file) { return gmem_export(file_of(file)); }

Handle LibrarySubject::import_file(int fd)
{
    gmem_file *file { nullptr };
    auto const result { gmem_import(fd, &file) };
    ::close(fd);
    return result < 0 ? result : handle_of(file);
}

bool LibrarySubject::die_at(unsigned n)
{
    static constexpr std::array points { "convert.staged", "convert.asked", "convert.closed", "commit.begun", "commit.done", "convert.committed" };
    os::kill_plan = { points[n % points.size()], 0 };
    return true;
}

// Whoever pins keeps a handle: pins go with the last one of their process.
Handle LibrarySubject::pin(Handle file, char *, std::uint64_t offset, std::uint64_t length)
{
    auto const result { gmem_pin(file_of(file), offset, length) };
    return result == 0 ? duplicate(file) : result;
}

int LibrarySubject::unpin(Handle pin, std::uint64_t offset, std::uint64_t length)
{
    auto const err { errno_of(gmem_unpin(file_of(pin), offset, length)) };
    close(pin);
    return err;
}

} // namespace gmem::generated
