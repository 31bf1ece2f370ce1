#include "tests/generated/guest.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace gmem::generated {
namespace {

constexpr std::uint64_t page { 4096 }, tables { 0x1000 }, code { 0x5000 };
constexpr std::size_t system_size { 8 * page };
constexpr std::uint32_t system_slot { 1000 };

// At `code`: movb (%rsi), %al; hlt. At `code` + 8: movb %al, (%rsi); hlt.
constexpr std::array<unsigned char, 11> program { 0x8a, 0x06, 0xf4, 0, 0, 0, 0, 0, 0x88, 0x06, 0xf4 };

void map_one_gigabyte(unsigned char *system)
{
    auto const entry { [system](std::uint64_t at, std::uint64_t value) { std::memcpy(system + at, &value, sizeof value); } };
    entry(tables, (tables + page) | 3);
    entry(tables + page, (tables + 2 * page) | 3);
    for (std::uint64_t i { 0 }; i < 512; ++i)
        entry(tables + 2 * page + i * 8, i << 21 | 0x83); // 2 MiB, present, writable
}

bool enter_long_mode(int vcpu)
{
    kvm_sregs s {};
    if (ioctl(vcpu, KVM_GET_SREGS, &s) != 0)
        return false;
    s.cr3 = tables;
    s.cr4 |= 1 << 5;
    s.cr0 |= std::uint64_t { 1 } << 31 | 1;
    s.efer |= 1 << 8 | 1 << 10;
    kvm_segment code_segment {};
    code_segment.limit = 0xffffffff;
    code_segment.selector = 8;
    code_segment.type = 11;
    code_segment.present = code_segment.s = code_segment.l = code_segment.g = 1;
    auto data { code_segment };
    data.selector = 16;
    data.type = 3;
    data.l = 0;
    data.db = 1;
    s.cs = code_segment;
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    return ioctl(vcpu, KVM_SET_SREGS, &s) == 0;
}

} // namespace

Guest::Guest(int kvm, int vm)
{
    if (start(kvm, vm))
        return;
    if (run_)
        munmap(run_, run_size_);
    run_ = nullptr;
}

Guest::~Guest()
{
    if (run_)
        munmap(run_, run_size_);
    if (vcpu_ >= 0)
        close(vcpu_);
    if (system_)
        munmap(system_, system_size);
}

bool Guest::start(int kvm, int vm)
{
    auto *const memory { mmap(nullptr, system_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
    if (memory == MAP_FAILED)
        return false;
    system_ = static_cast<unsigned char *>(memory);
    map_one_gigabyte(system_);
    std::memcpy(system_ + code, program.data(), program.size());
    kvm_userspace_memory_region const region { system_slot, 0, 0, system_size, reinterpret_cast<std::uintptr_t>(system_) };
    vcpu_ = ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0 ? ioctl(vm, KVM_CREATE_VCPU, 0) : -1;
    auto const size { ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0) };
    if (vcpu_ < 0 || size <= 0)
        return false;
    run_size_ = static_cast<std::size_t>(size);
    auto *const shared { mmap(nullptr, run_size_, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_, 0) };
    if (shared == MAP_FAILED)
        return false;
    run_ = static_cast<kvm_run *>(shared);
    return enter_long_mode(vcpu_) && load(code).what == GuestSeen::What::done;
}

GuestSeen Guest::step(std::uint64_t gpa, std::optional<std::uint8_t> value)
{
    kvm_regs r {};
    r.rip = code + (value ? 8 : 0);
    r.rflags = 2;
    r.rsi = gpa;
    r.rax = value.value_or(0);
    if (ioctl(vcpu_, KVM_SET_REGS, &r) != 0)
        return {};
    int result { 0 };
    do
        result = ioctl(vcpu_, KVM_RUN, 0);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return { errno == EFAULT ? GuestSeen::What::efault : GuestSeen::What::other, static_cast<std::uint64_t>(errno) };
    if (run_->exit_reason == KVM_EXIT_MMIO) {
        auto const address { run_->mmio.phys_addr };
        run_->immediate_exit = 1; // the next run only finishes the instruction
        (void)ioctl(vcpu_, KVM_RUN, 0);
        run_->immediate_exit = 0;
        return { GuestSeen::What::mmio, address };
    }
    if (run_->exit_reason != KVM_EXIT_HLT || ioctl(vcpu_, KVM_GET_REGS, &r) != 0)
        return { GuestSeen::What::other, run_->exit_reason };
    return { GuestSeen::What::done, r.rax & 0xff };
}

} // namespace gmem::generated
