// ioctl: the gates of /dev/kvm, VMs and gmems.

#include "kvm/capabilities.hpp"
#include "kvm/guest_memfd.hpp"
#include "kvm/hypercall.hpp"
#include "kvm/launch/sev_device.hpp"
#include "kvm/scripted/choice.hpp"
#include "memory/space.hpp"
#include "os/file_calls.hpp"
#include "os/say.hpp"
#include "platform/choice.hpp"
#include "preload/answer.hpp"
#include "preload/crypto_module.hpp"
#include "preload/dma_maps.hpp"
#include "preload/fd_table.hpp"
#include "preload/gup_test.hpp"
#include "preload/launches.hpp"
#include "preload/next.hpp"
#include "preload/processor.hpp"
#include "preload/unseen.hpp"

#include "gmem/realm.h"

#include <cstdarg>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

using namespace gmem;
using preload::FdTable;
using preload::Kind;
namespace uapi = kvm::uapi;

namespace {

constexpr unsigned long vhost_set_mem_table { 0x4008AF03 }; // linux/vhost.h
constexpr unsigned long figetbsz { 2 }; // linux/fs.h: the block size

// A call of the program's own: made by itself, whatever restricts it.
long real(int fd, unsigned long command, unsigned long argument) noexcept { return os::bare_syscall(SYS_ioctl, fd, os::word(command), os::word(argument)); }

bool scripted() noexcept { return kvm::scripted::processors() == kvm::scripted::Processors::scripted; }

// Gives a fresh descriptor to the table, or closes it where the table ends.
template <typename Object>
long entered(long fd, Object &object) noexcept
{
    if (os::failed(fd) || FdTable::enter(static_cast<int>(fd), object))
        return fd;
    os::system_call(SYS_close, fd);
    object.release();
    return -EMFILE;
}

long create_vm(int fd, unsigned long type, kvm::Vm::Backing backing) noexcept
{
    auto const choice { platform::Choice::current() };
    auto const nature { kvm::nature_of(type, choice.kind) };
    if (!nature && backing == kvm::Vm::Backing::none)
        return -EINVAL;
    bool const protected_vm { nature && nature->private_memory };
    auto const trusted { nature ? nature->platform : platform::Kind::sw_protected };
    if (platform::platform_of(trusted).keeps_records() && !preload::load_crypto_module()) {
        os::say("libgmem-crypto.so is not beside libgmem-preload.so: no VM with a trusted side can be made (KVM_CREATE_VM fails)");
        return -EINVAL;
    }
    auto made { kvm::Vm::create(protected_vm ? kvm::Vm::Kind::with_private_memory : kvm::Vm::Kind::without_private_memory, backing, trusted, choice.options,
        nature && nature->knows_launches ? kvm::launch::Duty::due : kvm::launch::Duty::none) };
    if (!made)
        return -made.error().err;
    auto &vm { *std::move(made).take() };
    auto const vm_fd { backing == kvm::Vm::Backing::real ? real(fd, uapi::create_vm, protected_vm ? uapi::default_vm : type)
                                                          : os::system_call(SYS_openat, os::current_directory, "/dev/null", os::open_read_write | os::close_on_exec) };
    if (os::failed(vm_fd)) {
        vm.release();
        return vm_fd;
    }
    return entered(vm_fd, vm);
}

long answer_extension(int fd, unsigned long which, kvm::AskedOn where, kvm::Vm::Backing backing) noexcept
{
    auto const host { backing == kvm::Vm::Backing::real ? real(fd, uapi::check_extension, which) : kvm::capability_without_kvm(which) };
    if (auto const ours { kvm::capability(which, where, kvm::Mode::current().tracker, platform::Profile::current(), host) })
        return *ours;
    auto const of_scripts { scripted() ? kvm::capability_of_scripts(which) : std::nullopt };
    return of_scripts ? *of_scripts : host;
}

long system_ioctl(int fd, unsigned long command, unsigned long argument, kvm::Vm::Backing backing) noexcept
{
    switch (command) {
    case uapi::create_vm:
        return create_vm(fd, argument, backing);
    case uapi::check_extension:
        return answer_extension(fd, argument, kvm::AskedOn::system, backing);
    case uapi::has_device_attr:
    case uapi::get_device_attr: {
        bool is_ours { false };
        auto const answer { kvm::launch::sev_attribute_ioctl(command, argument, is_ours) };
        if (is_ours || backing == kvm::Vm::Backing::none)
            return answer;
        break;
    }
    default:
        break;
    }
    if (backing == kvm::Vm::Backing::real) {
        auto const answer { real(fd, command, argument) };
        if (command == uapi::get_supported_cpuid && answer == 0)
            preload::Processor::correct_supported_cpuid(argument);
        return answer;
    }
    return command == uapi::get_api_version ? 12 : command == uapi::get_vcpu_mmap_size ? 3 * static_cast<long>(page_size) : -EINVAL;
}

long create_scripted_vcpu(kvm::Vm &vm, unsigned long id) noexcept
{
    auto made { kvm::scripted::Vcpu::create(vm, id) };
    if (!made)
        return -made.error().err;
    auto const [vcpu, fd] { std::move(made).take() };
    return entered(fd, *vcpu);
}

long create_vcpu(int fd, kvm::Vm &vm, unsigned long id) noexcept
{
    if (auto const admitted { vm.admit_vcpu() }; admitted != 0)
        return admitted;
    if (scripted())
        return create_scripted_vcpu(vm, id);
    if (!vm.backed()) {
        os::say("this machine has no /dev/kvm that may be used: memory works, but no guest of machine code can run (KVM_CREATE_VCPU fails); gmem run --vcpu=scripted runs scripts");
        return -ENODEV;
    }
    auto const vcpu_fd { real(fd, uapi::create_vcpu, id) };
    if (os::failed(vcpu_fd))
        return vcpu_fd;
    auto const pre_faults { real(fd, uapi::check_extension, uapi::cap_pre_fault_memory) > 0 ? kvm::Vcpu::PreFaults::by_kvm : kvm::Vcpu::PreFaults::by_gmem };
    auto made { kvm::Vcpu::create(vm, static_cast<int>(vcpu_fd), pre_faults) };
    if (!made) {
        os::system_call(SYS_close, vcpu_fd);
        return -made.error().err;
    }
    return entered(vcpu_fd, *std::move(made).take());
}

// Those of a launch; nullopt: none, or no affair of this VM's.
std::optional<long> launch_ioctl(kvm::Vm &vm, unsigned long command, unsigned long argument) noexcept
{
    switch (command) {
    case uapi::memory_encrypt_op:           return vm.encrypt(argument, &preload::registers_of_vcpus, &preload::is_sev_device);
    case uapi::memory_encrypt_reg_region:
    case uapi::memory_encrypt_unreg_region: return vm.encrypted_region(argument);
    case GMEM_REALM_CREATE:                 return vm.create_realm(argument);
    case GMEM_REALM_POPULATE:               return vm.populate_realm(argument);
    default:                                return std::nullopt;
    }
}

long vm_ioctl(int fd, kvm::Vm &vm, unsigned long command, unsigned long argument) noexcept
{
    if (vm.is_bugged()) [[unlikely]]
        return -EIO;
    if (auto const answered { launch_ioctl(vm, command, argument) })
        return *answered;
    auto const backing { vm.backed() ? kvm::Vm::Backing::real : kvm::Vm::Backing::none };
    switch (command) {
    case uapi::create_guest_memfd: {
        memory::GuestMemory *made { nullptr };
        auto const made_fd { vm.create_guest_memfd(argument, made) };
        return os::failed(made_fd) ? made_fd : entered(made_fd, *made);
    }
    case uapi::set_user_memory_region:
        return vm.set_memory_region(fd, argument, &FdTable::find_guest_memfd);
    case uapi::set_user_memory_region2:
        return vm.set_memory_region2(fd, argument, &FdTable::find_guest_memfd);
    case uapi::check_extension:
        return answer_extension(fd, argument, vm.has_private_memory() ? kvm::AskedOn::vm_with_private_memory : kvm::AskedOn::vm_without, backing);
    case uapi::set_memory_attributes:
        return vm.set_memory_attributes(fd, argument);
    case uapi::set_memory_attributes2: // belongs to the file
        return -ENOTTY;
    case uapi::get_dirty_log:
    case uapi::clear_dirty_log:
        if (!vm.backed())
            break;
        return vm.dirty_log(fd, command, argument);
    case uapi::enable_cap:
        if (!vm.backed() && !scripted())
            break;
        return vm.enable_capability(fd, argument);
    case uapi::create_vcpu:
        return create_vcpu(fd, vm, argument);
    default:
        break;
    }
    return vm.backed() ? real(fd, command, argument) : -ENOTTY;
}

// nullopt: the real KVM's affair.
std::optional<long> vcpu_ioctl(int fd, kvm::Vcpu &vcpu, unsigned long command, unsigned long argument) noexcept
{
    if (vcpu.vm().is_bugged()) [[unlikely]]
        return -EIO;
    switch (command) {
    case uapi::run:
        return vcpu.run(fd, argument);
    case uapi::memory_encrypt_op:
        return vcpu.encrypt(fd, argument);
    case GMEM_REALM_REC_CREATE:
        return vcpu.vm().create_rec(vcpu.launch(), argument);
    case uapi::set_guest_debug:
        return vcpu.set_guest_debug(fd, argument);
    case uapi::pre_fault_memory:
        return vcpu.pre_fault_memory(fd, argument);
    case uapi::set_cpuid2:
        return vcpu.set_cpuid(fd, argument);
    case uapi::get_cpuid2:
        return vcpu.get_cpuid(argument);
    case uapi::set_signal_mask:
        return vcpu.set_signal_mask(fd, argument);
    default:
        return std::nullopt;
    }
}

// A descriptor of /dev/kvm that we did not see coming is recognised by the first thing that a program asks of it.
bool is_kvm_device(int fd) noexcept
{
    os::KernelStat facts {};
    return !os::failed(os::system_call(SYS_fstat, fd, &facts)) && S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(10, 232);
}

bool system_command(unsigned long command) noexcept { return (command >> 8 == 0xAE && (command & 0xff) <= 0x04) || command == uapi::get_supported_cpuid; }

// A copy by the kernel met a page of a window that it had dropped: bring it back and ask again. Structures of an ioctl say their
// size in the command.
int foreign_ioctl(int fd, unsigned long command, void *argument) noexcept
{
    if (preload::may_be_dma_map(command)) [[unlikely]]
        return preload::dma_ioctl(fd, command, argument);
    if (command == vhost_set_mem_table) [[unlikely]]
        preload::met(preload::Unseen::vhost);
    for (int attempt { 0 };; ++attempt) {
        auto const result { GMEM_NEXT(ioctl)(fd, command, argument) };
        if (result >= 0 || errno != EFAULT) [[likely]]
            return result;
        auto const address { reinterpret_cast<std::uintptr_t>(argument) };
        auto const size { command >> 16 & 0x3fff };
        if (attempt == 8 || !memory::Space::recover_range(address, size)) {
            memory::Space::note_fault(address, size);
            return preload::refuse(EFAULT);
        }
    }
}

// What the kernel answers on any file, before it asks the file: the O_PATH descriptor behind a gmem has neither.
long gmem_ioctl(memory::GuestMemory &g, int fd, unsigned long command, unsigned long argument) noexcept
{
    switch (command) {
    case FIOCLEX:
    case FIONCLEX:
        return os::system_call(SYS_fcntl, fd, F_SETFD, command == FIOCLEX ? FD_CLOEXEC : 0);
    case FIONBIO:
    case FIOASYNC:
    case figetbsz:
        if (auto const own { g.own_copy().get() }; own >= 0)
            return real(own, command, argument);
        return -ENOTTY;
    default:
        return kvm::guest_memfd_ioctl(g, command, argument);
    }
}

} // namespace

GMEM_EXPORT int ioctl(int fd, unsigned long command, ...) noexcept
{
    std::va_list list;
    va_start(list, command);
    void *const argument { va_arg(list, void *) };
    va_end(list);
    auto const word { reinterpret_cast<unsigned long>(argument) };

    auto const kind { FdTable::kind_of(fd) };
    if (kind == Kind::foreign || kind == Kind::signals) [[likely]] {
        if (command == uapi::set_memory_attributes2 && kind == Kind::foreign && FdTable::recognise(fd)) [[unlikely]]
            return ioctl(fd, command, argument);
        if (!system_command(command) || !is_kvm_device(fd)) [[likely]]
            return foreign_ioctl(fd, command, argument);
        FdTable::enter(fd, Kind::kvm);
        return preload::answer(system_ioctl(fd, command, word, kvm::Vm::Backing::real));
    }
    switch (kind) {
    case Kind::kvm:
        if (!is_kvm_device(fd)) {
            FdTable::leave(fd);
            return foreign_ioctl(fd, command, argument);
        }
        return preload::answer(system_ioctl(fd, command, word, kvm::Vm::Backing::real));
    case Kind::sev_absent:
        return preload::answer(kvm::launch::sev_device_ioctl(command, word));
    case Kind::kvm_absent:
        return preload::answer(system_ioctl(fd, command, word, kvm::Vm::Backing::none));
    case Kind::vm: {
        auto *const vm { FdTable::vm(fd) };
        auto const result { vm_ioctl(fd, *vm, command, word) };
        vm->release();
        return preload::answer(result);
    }
    case Kind::vcpu:
        if (auto *const vcpu { FdTable::vcpu(fd) }) [[likely]] {
            auto const result { vcpu_ioctl(fd, *vcpu, command, word) };
            vcpu->release();
            if (result)
                return preload::answer(*result);
        }
        return foreign_ioctl(fd, command, argument);
    case Kind::scripted_vcpu:
        if (auto *const vcpu { FdTable::scripted_vcpu(fd) }) [[likely]] {
            auto const result { vcpu->ioctl(command, word) };
            vcpu->release();
            return preload::answer(result);
        }
        return foreign_ioctl(fd, command, argument);
    case Kind::stranger:
    case Kind::gmem:
        if (preload::GmemOf const g { fd }; g)
            return preload::answer(gmem_ioctl(*g, fd, command, word));
        return foreign_ioctl(fd, command, argument);
    case Kind::gup_test:
        return preload::GupTest::ioctl_of_real(fd, command, argument);
    case Kind::gup_test_absent:
        return preload::GupTest::ioctl_of_stand_in(command, word);
    case Kind::foreign:
    case Kind::signals:
        break;
    }
    return preload::refuse(ENOTTY);
}
