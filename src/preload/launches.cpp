#include "preload/launches.hpp"

#include "base/text.hpp"
#include "preload/fd_table.hpp"

#include <string_view>

namespace gmem::preload {
namespace {

using kvm::launch::VcpuRegisters;

// A duplicate is the same vCPU.
bool is_known(std::uint32_t ordinal, VcpuRegisters const *seen, std::size_t count) noexcept
{
    for (std::size_t i { 0 }; i < count; ++i)
        if (seen[i].ordinal == ordinal)
            return true;
    return false;
}

// Into the next place, when the vCPU is of this VM and its registers can be had.
template <typename Vcpu, typename Ask>
bool take_registers(Vcpu &vcpu, kvm::Vm const &vm, VcpuRegisters *out, std::size_t count, Ask &&ask) noexcept
{
    auto &next { out[count] };
    next.ordinal = vcpu.launch().ordinal;
    bool const wanted { &vcpu.vm() == &vm && !is_known(next.ordinal, out, count) };
    return wanted && ask(kvm::uapi::get_regs, &next.general) == 0 && ask(kvm::uapi::get_sregs, &next.special) == 0;
}

} // namespace

std::size_t registers_of_vcpus(kvm::Vm const &vm, VcpuRegisters *out, std::size_t most) noexcept
{
    std::size_t count { 0 };
    for (int fd { 0 }; fd < FdTable::end() && count < most; ++fd) {
        if (FdTable::kind_of(fd) == Kind::vcpu)
            if (auto *const vcpu { FdTable::vcpu(fd) }) {
                count += take_registers(*vcpu, vm, out, count, [fd](unsigned long command, void *to) noexcept { return os::system_call(SYS_ioctl, fd, command, to); });
                vcpu->release();
            }
        if (FdTable::kind_of(fd) == Kind::scripted_vcpu)
            if (auto *const vcpu { FdTable::scripted_vcpu(fd) }) {
                count += take_registers(*vcpu, vm, out, count, [vcpu](unsigned long command, void *to) noexcept { return vcpu->ioctl(command, reinterpret_cast<std::uintptr_t>(to)); });
                vcpu->release();
            }
    }
    return count;
}

bool is_sev_device(int fd) noexcept
{
    if (FdTable::kind_of(fd) == Kind::sev_absent)
        return true;
    char path[32], target[16] {};
    Text { path } << "/proc/self/fd/" << fd;
    auto const length { os::system_call(SYS_readlink, static_cast<char const *>(path), static_cast<char *>(target), sizeof target) };
    return !os::failed(length) && std::string_view { target, static_cast<std::size_t>(length) } == "/dev/sev";
}

} // namespace gmem::preload
