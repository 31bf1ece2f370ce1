#include "kvm/hypercall_probe.hpp"

#include "kvm/guest_debug.hpp"
#include "kvm/hypercall.hpp"
#include "kvm/run_page.hpp"
#include "os/file_calls.hpp"
#include "os/mapping_calls.hpp"

#include <atomic>
#include <cstring>

namespace gmem::kvm {
namespace {

long ioctl(long fd, unsigned long command, std::uintptr_t argument) noexcept { return os::system_call(SYS_ioctl, fd, command, argument); }
template <typename T>
bool ask(long fd, unsigned long command, T &argument) noexcept
{
    return !os::failed(ioctl(fd, command, reinterpret_cast<std::uintptr_t>(&argument)));
}

// One step of a real-mode guest whose next instruction is a hypercall. Where the instruction exits, that is what happens; where it is
// repeated, the step ends with the instruction pointer where it was. Nothing here can hang.
Hypercalls one_step(long vm, long vcpu, std::byte *memory, uapi::RunPage const &page) noexcept
{
    constexpr std::uint64_t code { 0x100 };
    std::memcpy(memory + code, vmcall, sizeof vmcall);
    uapi::UserspaceMemoryRegion const slot { .slot = 0, .flags = 0, .guest_phys_addr = 0, .memory_size = page_size, .userspace_addr = reinterpret_cast<std::uintptr_t>(memory) };
    SpecialRegisters sregs;
    if (!ask(vm, uapi::set_user_memory_region, slot) || !ask(vcpu, uapi::get_sregs, sregs))
        return Hypercalls::exit;
    sregs.cs.base = sregs.cs.selector = 0;
    Registers regs {};
    regs.rax = hypercall_map_gpa_range;
    regs.rcx = 1;
    regs.rip = code;
    regs.rflags = 2;
    GuestDebug debug { .control = GuestDebug::enable | GuestDebug::single_step, .padding = 0, .registers = {} };
    if (!ask(vcpu, uapi::set_sregs, sregs) || !ask(vcpu, uapi::set_regs, regs) || !ask(vcpu, uapi::set_guest_debug, debug))
        return Hypercalls::exit;
    if (os::failed(ioctl(vcpu, uapi::run, 0)) || !ask(vcpu, uapi::get_regs, regs))
        return Hypercalls::exit;
    return page.exit_reason == uapi::exit_debug && regs.rip == code ? Hypercalls::repeat : Hypercalls::exit;
}

Hypercalls with_vcpu(long vm, long vcpu) noexcept
{
    auto const page { os::system_call(SYS_mmap, nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0) };
    if (os::failed(page))
        return Hypercalls::exit;
    auto answer { Hypercalls::exit };
    if (auto const memory { os::map_anonymous(page_size, MAP_PRIVATE) }) {
        answer = one_step(vm, vcpu, reinterpret_cast<std::byte *>(memory.value()), *reinterpret_cast<uapi::RunPage const *>(page));
        os::unmap({ memory.value(), memory.value() + page_size });
    }
    os::system_call(SYS_munmap, page, page_size);
    return answer;
}

// A host that cannot be asked is taken for one that works.
Hypercalls probe() noexcept
{
    auto answer { Hypercalls::exit };
    auto const kvm { os::system_call(SYS_openat, os::current_directory, "/dev/kvm", os::open_read_write | os::close_on_exec) };
    if (os::failed(kvm))
        return answer;
    if (auto const vm { ioctl(kvm, uapi::create_vm, uapi::default_vm) }; !os::failed(vm)) {
        EnableCapability enable { .capability = uapi::cap_exit_hypercall, .flags = 0, .arguments = { exit_on_map_gpa_range }, .padding = {} };
        if (auto const vcpu { ask(vm, uapi::enable_cap, enable) ? ioctl(vm, uapi::create_vcpu, 0) : -1 }; !os::failed(vcpu)) {
            answer = with_vcpu(vm, vcpu);
            os::system_call(SYS_close, vcpu);
        }
        os::system_call(SYS_close, vm);
    }
    os::system_call(SYS_close, kvm);
    return answer;
}

} // namespace

Hypercalls hypercalls_of_this_host() noexcept
{
    enum : std::uint8_t { unknown, known_exit, known_repeat };
    static constinit std::atomic<std::uint8_t> known { unknown };
    if (known.load(std::memory_order_acquire) == unknown)
        known.store(probe() == Hypercalls::repeat ? known_repeat : known_exit, std::memory_order_release);
    return known.load(std::memory_order_acquire) == known_repeat ? Hypercalls::repeat : Hypercalls::exit;
}

} // namespace gmem::kvm
