// KVM_EXIT_HYPERCALL on hosts whose KVM repeats the instruction for ever: docs/exits.md, "Hypercalls on such a host".

#include "kvm/hypercall.hpp"
#include "kvm/hypercall_watch.hpp"
#include "kvm/signal_mask.hpp"
#include "kvm/vcpu.hpp"
#include "os/kick.hpp"
#include "os/user_memory.hpp"

namespace gmem::kvm {
namespace {

// A thread runs few vCPUs, mostly one: its number is asked once for each. `vcpu` is an identity, so a forked child asks anew.
struct KnownThread final {
    std::uint64_t vcpu { 0 };
    int tid { 0 };
};
[[gnu::tls_model("initial-exec")]] constinit thread_local KnownThread known_thread {};

int tid_for(std::uint64_t vcpu) noexcept
{
    if (known_thread.vcpu != vcpu)
        known_thread = { vcpu, static_cast<int>(os::system_call(SYS_gettid)) };
    return known_thread.tid;
}

} // namespace

// The guest has run into one of our breakpoints, before the instruction. EINTR where there is nothing to tell: entering again could
// lose a signal that came meanwhile.
long Vcpu::correct_breakpoint(int fd) noexcept
{
    auto const pc { page_->debug.pc };
    switch (find_hypercall(fd)) {
    case Found::exit:
        return 0;
    case Found::answered:
        return -EINTR;
    case Found::nothing:
        break;
    }
    // The code there is another by now.
    breakpoints_.remove(pc);
    auto debug { breakpoints_.to_kvm() };
    os::system_call(SYS_ioctl, fd, uapi::set_guest_debug, &debug);
    return -EINTR;
}

bool Vcpu::at_hypercall(int fd, std::uint64_t linear_ip) noexcept
{
    std::uint8_t bytes[3];
    for (unsigned i { 0 }; i < sizeof bytes; ++i) { // the instruction may lie across two pages
        auto const gpa { translate(fd, linear_ip + i) };
        if (!gpa || !vm_->read_guest(*gpa, bytes[i]))
            return false;
    }
    return is_hypercall_instruction(bytes);
}

// What is the vCPU, which is not running, about to do? An exit is put into the run page, an answer for the guest into its registers.
Vcpu::Found Vcpu::find_hypercall(int fd) noexcept
{
    Registers regs;
    SpecialRegisters sregs;
    if (os::failed(os::system_call(SYS_ioctl, fd, uapi::get_regs, &regs)) || os::failed(os::system_call(SYS_ioctl, fd, uapi::get_sregs, &sregs)))
        return Found::nothing;
    auto const ip { sregs.linear_ip(regs) };
    if (!at_hypercall(fd, ip))
        return Found::nothing;
    if (!program_debugs_ && !breakpoints_.has(ip)) {
        breakpoints_.add(ip);
        auto debug { breakpoints_.to_kvm() };
        os::system_call(SYS_ioctl, fd, uapi::set_guest_debug, &debug);
    }
    auto const call { Hypercall::made_with(regs, sregs) };
    if (!call.exit) {
        answer_hypercall(regs, call.answer, sregs.in_64_bit_mode());
        os::system_call(SYS_ioctl, fd, uapi::set_regs, &regs);
        return Found::answered;
    }
    page_->exit_reason = uapi::exit_hypercall;
    page_->hypercall = *call.exit;
    note_request(*call.exit);
    answer_in_long_mode_ = sregs.in_64_bit_mode();
    next_ = Next::answer;
    return Found::exit;
}

// The program has answered, and runs the guest again. It may have changed registers, here or in the run page.
void Vcpu::deliver_answer(int fd) noexcept
{
    constexpr std::uint64_t general_registers { 1 }; // KVM_SYNC_X86_REGS
    next_ = Next::enter;
    if (page_->dirty_regs & general_registers)
        return answer_hypercall(page_->synced, page_->hypercall.result, answer_in_long_mode_);
    Registers regs;
    if (os::failed(os::system_call(SYS_ioctl, fd, uapi::get_regs, &regs)))
        return;
    answer_hypercall(regs, page_->hypercall.result, answer_in_long_mode_);
    os::system_call(SYS_ioctl, fd, uapi::set_regs, &regs);
}

// The mask inside KVM_RUN; nullopt: the thread's own.
void Vcpu::mask_inside_run(int fd, std::optional<os::KernelSignalSet> mask) noexcept
{
    if (mask == mask_inside_)
        return;
    mask_inside_ = mask;
    SignalMask m { sizeof(os::KernelSignalSet), {} };
    auto const without_kick { mask.value_or(0) & ~os::kick_bit };
    __builtin_memcpy(m.bytes, &without_kick, sizeof m.bytes);
    os::system_call(SYS_ioctl, fd, uapi::set_signal_mask, mask ? &m : nullptr);
}

// Kicks end KVM_RUN with EINTR. Every other signal is blocked around it, and inside it the mask is the one that the program would have: so
// a signal of the program ends the run, and is delivered when everything is as it was. Who finds the VM's memslots being exchanged waits outside.
long Vcpu::run_watched(int fd, unsigned long argument) noexcept
{
    os::OnlyKicks only_kicks;
    auto const mask { program_mask_ ? *program_mask_ : only_kicks.before() };
    mask_inside_run(fd, mask);
    auto &beacon { HypercallWatch::beacon(index()) };
    auto const tid { tid_for(identity_) };
    for (;;) {
        beacon.enter(tid, vm_->run_identity());
        if (vm_->slots_are_exchanged()) [[unlikely]] {
            (void)beacon.leave();
            vm_->await_slots();
            continue;
        }
        auto const result { os::system_call(SYS_ioctl, fd, uapi::run, argument) };
        bool const kicked { beacon.leave() };
        if (!kicked || result != -EINTR) [[likely]]
            return settle(fd, result);
        if (vm_->hypercalls_are_watched() && find_hypercall(fd) == Found::exit)
            return 0;
        if (page_->immediate_exit || os::signal_waits(mask))
            return -EINTR;
    }
}

long Vcpu::set_guest_debug(int fd, std::uintptr_t argument) noexcept
{
    auto const result { os::system_call(SYS_ioctl, fd, uapi::set_guest_debug, argument) };
    std::uint32_t control { 0 };
    if (os::failed(result) || !os::copy_from_program(&control, argument, sizeof control))
        return result;
    program_debugs_ = (control & GuestDebug::enable) != 0;
    breakpoints_ = {};
    return result;
}

// The kick must get through whatever the program lets through.
long Vcpu::set_signal_mask(int fd, std::uintptr_t argument) noexcept
{
    SignalMask mask;
    if (argument == 0 || !os::copy_from_program(&mask, argument, sizeof mask) || mask.length != sizeof mask.bytes) {
        auto const result { os::system_call(SYS_ioctl, fd, uapi::set_signal_mask, argument) };
        if (argument == 0 && !os::failed(result))
            program_mask_ = mask_inside_ = std::nullopt;
        return result;
    }
    os::KernelSignalSet set;
    __builtin_memcpy(&set, mask.bytes, sizeof set);
    auto const without_kick { set & ~os::kick_bit };
    __builtin_memcpy(mask.bytes, &without_kick, sizeof without_kick);
    auto const result { os::system_call(SYS_ioctl, fd, uapi::set_signal_mask, &mask) };
    if (!os::failed(result))
        program_mask_ = mask_inside_ = set;
    return result;
}

} // namespace gmem::kvm
