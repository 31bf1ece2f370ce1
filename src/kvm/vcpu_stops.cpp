// A guest that was launched as SNP's or TDX's stops at the first instruction that only such hardware executes, or that the real KVM cannot emulate. Its VMM sees a triple
// fault, or KVM's internal error; the person who runs it gets one sentence with the instruction. docs/exits.md.

#include "base/text.hpp"
#include "kvm/vcpu.hpp"
#include "os/say.hpp"

#include <array>

namespace gmem::kvm {
namespace {

using Code = std::array<std::uint8_t, 8>; // from the instruction on

struct Instruction final {
    std::uint8_t length;
    std::uint8_t bytes[4];
    std::string_view name;
};
// Of AMD's APM volume 3 and Intel's TDX module ABI.
constexpr std::array instructions {
    Instruction { 4, { 0x66, 0x0f, 0x01, 0xcc }, "TDCALL" },
    Instruction { 4, { 0xf2, 0x0f, 0x01, 0xff }, "PVALIDATE" },
    Instruction { 4, { 0xf3, 0x0f, 0x01, 0xfe }, "RMPADJUST" },
    Instruction { 4, { 0xf3, 0x0f, 0x01, 0xd9 }, "VMGEXIT" },
    Instruction { 4, { 0xf2, 0x0f, 0x01, 0xd9 }, "VMGEXIT" },
};
constexpr Instruction rdmsr { 2, { 0x0f, 0x32 }, "RDMSR" }, wrmsr { 2, { 0x0f, 0x30 }, "WRMSR" };
constexpr std::uint64_t reset_vector { 0xfffffff0 };
constexpr std::uint32_t ghcb_msr { 0xc0010130 }, sev_status_msr { 0xc0010131 };

bool is(Instruction const &i, Code const &code) noexcept { return __builtin_memcmp(i.bytes, code.data(), i.length) == 0; }

// Those that no processor executes but one with the platform.
bool put_name(Text &text, Code const &code, std::uint64_t rcx) noexcept
{
    auto const msr { static_cast<std::uint32_t>(rcx) };
    for (auto const &i : { rdmsr, wrmsr })
        if (is(i, code) && (msr == ghcb_msr || msr == sev_status_msr)) {
            (text << i.name << " of ").hex(msr);
            return true;
        }
    for (auto const &i : instructions)
        if (is(i, code)) {
            text << i.name;
            return true;
        }
    return false;
}

void put_bytes(Text &text, Code const &code, unsigned count) noexcept
{
    constexpr std::string_view digits { "0123456789abcdef" };
    for (unsigned i { 0 }; i < count; ++i)
        text << (i ? " " : "") << digits.substr(code[i] >> 4, 1) << digits.substr(code[i] & 15, 1);
}

std::string_view why(uapi::RunPage const &page) noexcept
{
    if (page.exit_reason == uapi::exit_shutdown)
        return "triple fault";
    if (page.exit_reason == uapi::exit_fail_entry)
        return "the processor did not enter the guest";
    return page.internal.suberror == uapi::internal_error_emulation ? "KVM cannot emulate the instruction" : "KVM's internal error";
}

} // namespace

// Once for each vCPU: a VMM may run one again that has stopped.
void Vcpu::tell_stop(int fd) noexcept
{
    Registers regs;
    SpecialRegisters sregs;
    if (told_stop_ || !vm_->was_launched() || os::failed(os::system_call(SYS_ioctl, fd, uapi::get_regs, &regs)) || os::failed(os::system_call(SYS_ioctl, fd, uapi::get_sregs, &sregs)))
        return;
    told_stop_ = true;
    auto const ip { sregs.linear_ip(regs) };
    auto const platform { vm_->platform() == platform::Kind::snp ? std::string_view { "SNP" } : std::string_view { "TDX" } };
    char line[256];
    Text text { line };
    text << platform << ": vCPU " << std::uint64_t { launch_.ordinal } << " stopped ";
    if (page_->exit_reason == uapi::exit_shutdown && ip == reset_vector) { // AMD's processors keep nothing of it
        text << "(triple fault), and KVM has reset it: where is not known";
        return os::say(text.view());
    }
    Code code {};
    unsigned readable { 0 };
    while (readable < code.size()) {
        auto const gpa { translate(fd, ip + readable) };
        if (!gpa || !vm_->read_guest(*gpa, code[readable]))
            break;
        ++readable;
    }
    (text << "at ").hex(ip) << " (" << why(*page_) << "): ";
    if (put_name(text, code, regs.rcx))
        text << " needs a processor with " << platform << ", and under gmem guests run without";
    else if (readable == 0)
        text << "there is no memory";
    else
        put_bytes(text << "the code there is ", code, readable);
    os::say(text.view());
}

} // namespace gmem::kvm
