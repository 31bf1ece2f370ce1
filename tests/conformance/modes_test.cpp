// What depends on the kernel's parameter and build option (1.5, 1.6), and what a guest's access becomes (4.2), against the
// specification. GMEM_IN_PLACE and GMEM_VM_ATTRIBUTES, which `gmem run` sets, say which kernel is meant.

#include "spec/guest_access.hpp"
#include "spec/vm_attributes.hpp"
#include "tests/conformance/subject.hpp"

extern "C" {
#include "examples/guest.h"
}

#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <random>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace gmem;
using namespace gmem::conformance;

namespace {

constexpr std::uint64_t page { 4096 };

bool says(char const *variable, std::string_view word)
{
    char const *const value { std::getenv(variable) };
    return value && value == word;
}

spec::Kernel kernel()
{
    bool const in_place { !says("GMEM_IN_PLACE", "off") };
    return { in_place, says("GMEM_VM_ATTRIBUTES", "on") || (!says("GMEM_VM_ATTRIBUTES", "off") && !in_place) };
}

bool needs_gmem() { return Offer::here().kvm < 0 || !(ioctl(Offer::here().kvm, kvm_check_extension, 235) & 2); }
#define NEEDS_PRIVATE_MEMORY() \
    if (needs_gmem())          \
    GTEST_SKIP() << "this kernel has no VM of type 1"

int new_vm(bool with_private_memory) { return ioctl(Offer::here().kvm, kvm_create_vm, with_private_memory ? 1ul : 0ul); }

} // namespace

TEST(Modes, CapabilitiesOnEachDescriptor)
{
    NEEDS_PRIVATE_MEMORY();
    int const fds[] { Offer::here().kvm, new_vm(true), new_vm(false) };
    for (unsigned long which : { 250ul, 233ul, 234ul, 244ul })
        for (int i { 0 }; i < 3; ++i)
            EXPECT_EQ(ioctl(fds[i], kvm_check_extension, which), spec::capability(which, static_cast<spec::On>(i), kernel())) << which << " on " << i;
    close(fds[1]);
    close(fds[2]);
}

TEST(Modes, VmAttributes)
{
    NEEDS_PRIVATE_MEMORY();
    constexpr std::uint64_t values[] { 0, 1, 8, 9, page, page + 1, 5 * page, 1ull << 40, ~0ull, ~(page - 1) };
    for (bool const with_private_memory : { false, true }) {
        auto const vm { new_vm(with_private_memory) };
        for (auto const address : values)
            for (auto const size : values)
                for (auto const attributes : { 0ull, 1ull, 8ull, 9ull, 1ull << 63 })
                    for (auto const flags : { 0ull, 1ull, 1ull << 63 }) {
                        if (size > 1ull << 40)
                            continue; // beyond what anybody tracks: ENOMEM is allowed there
                        struct { std::uint64_t address, size, attributes, flags; } request { address, size, attributes, flags };
                        auto const must { spec::vm_attributes_errno({ address, size, attributes, flags }, kernel(), with_private_memory) };
                        if (must == 0 && address + size > 1ull << 52)
                            continue;
                        ASSERT_EQ(errno_of(ioctl(vm, kvm_set_memory_attributes, &request)), must) << address << " " << size << " " << attributes << " " << flags;
                    }
        close(vm);
    }
}

namespace {

bool guests_run()
{
    auto const vm { new_vm(true) };
    auto const vcpu { ioctl(vm, KVM_CREATE_VCPU, 0) };
    if (vcpu >= 0)
        close(vcpu);
    close(vm);
    return vcpu >= 0;
}

// A guest, and one page of its memory in any state; built anew for each access.
class OnePage final {
public:
    OnePage()
    {
        guest_.vm = new_vm(true);
        guest_.system = map(system_size);
        user_ = map(page);
        std::memset(user_, 'u', page);
        set_plain(0, 0, system_size, guest_.system);
        ready_ = guest_start(&guest_, Offer::here().kvm) == 0;
    }
    ~OnePage()
    {
        close_file();
        munmap(guest_.run, static_cast<std::size_t>(ioctl(Offer::here().kvm, KVM_GET_VCPU_MMAP_SIZE, 0)));
        close(guest_.vcpu);
        close(guest_.vm);
        munmap(guest_.system, system_size);
        munmap(user_, page);
    }
    bool ready() const { return ready_; }

    void add_slot(bool with_file, bool mappable)
    {
        if (slot_.exists)
            delete_slot();
        close_file();
        slot_ = { true, with_file, false, mappable };
        if (!with_file)
            return set_plain(1, gpa, page, user_);
        CreateGuestMemfd create { page, mappable ? 1ull : 0ull, {} };
        file_ = ioctl(guest_.vm, kvm_create_guest_memfd, &create);
        file_private_ = true; // from birth
        MemoryRegion2 const q { 1, 4, gpa, page, reinterpret_cast<std::uint64_t>(user_), 0, static_cast<std::uint32_t>(file_), 0, {} };
        ASSERT_EQ(bind(guest_.vm, q), 0);
    }
    void delete_slot()
    {
        if (slot_.exists)
            set_plain(1, gpa, 0, nullptr);
        slot_ = {};
    }
    void close_file()
    {
        if (file_ >= 0)
            close(file_);
        file_ = -1;
        slot_.file_gone = slot_.with_file;
    }
    void convert_file(bool to_private)
    {
        MemoryAttributes2 request { 0, page, to_private ? 8ull : 0ull, 0, 0, {} };
        if (kernel().in_place && file_ >= 0) {
            ASSERT_EQ(conformance::convert(file_, request), 0);
            file_private_ = to_private;
        }
    }
    void convert_frame(bool to_private)
    {
        struct { std::uint64_t address, size, attributes, flags; } request { gpa, page, to_private ? 8ull : 0ull, 0 };
        auto const got { errno_of(ioctl(guest_.vm, kvm_set_memory_attributes, &request)) };
        ASSERT_EQ(got, spec::vm_attributes_errno({ gpa, page, request.attributes, 0 }, kernel(), true));
        if (got == 0)
            frame_private_ = to_private;
    }

    spec::GuestAccess must() const { return spec::guest_access(slot_, file_private_, frame_private_, kernel()); }

    spec::GuestAccess access()
    {
        using enum spec::GuestAccess::What;
        std::uint64_t value { 0 };
        auto const reason { guest_do(&guest_, GUEST_LOAD, gpa + 8, 0, &value) };
        auto const *const run { guest_.run };
        if (reason == KVM_EXIT_MMIO) {
            EXPECT_EQ(run->mmio.phys_addr, gpa + 8);
            return { mmio };
        }
        if (reason == -1) {
            std::uint64_t fault[3];
            std::memcpy(fault, &run->hw, sizeof fault);
            EXPECT_EQ(errno, EFAULT);
            EXPECT_EQ(run->exit_reason, 39u);
            EXPECT_EQ(fault[0] & ~8ull, 0u);
            EXPECT_EQ(fault[1], gpa);
            EXPECT_EQ(fault[2], page);
            return { memory_fault, fault[0] == 8 };
        }
        EXPECT_EQ(reason, KVM_EXIT_IO);
        EXPECT_TRUE(value == 0 || value == 0x7575757575757575) << value;
        return { value == 0 ? file : userspace };
    }

private:
    static constexpr std::size_t system_size { 2 << 20 };
    static constexpr std::uint64_t gpa { 16 << 20 };

    static unsigned char *map(std::size_t size)
    {
        return static_cast<unsigned char *>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
    void set_plain(std::uint32_t slot, std::uint64_t at, std::uint64_t size, void *address)
    {
        MemoryRegion2 const q { slot, 0, at, size, reinterpret_cast<std::uint64_t>(address), 0, 0, 0, {} };
        ASSERT_EQ(bind(guest_.vm, q), 0);
    }

    ::guest guest_ {};
    unsigned char *user_ { nullptr };
    int file_ { -1 };
    bool ready_ { false };
    spec::SlotThere slot_ {};
    bool file_private_ { false }, frame_private_ { false };
};

} // namespace

TEST(Modes, WhatAGuestsAccessBecomes)
{
    NEEDS_PRIVATE_MEMORY();
    if (!guests_run())
        GTEST_SKIP() << "no /dev/kvm that may be used: no guest can run";
    auto const seed { std::random_device {}() };
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random { seed };
    for (int round { 0 }; round < 120; ++round) {
        OnePage world;
        ASSERT_TRUE(world.ready());
        std::string history;
        for (auto steps { 1 + random() % 5 }; steps > 0; --steps) {
            bool const flag { random() % 2 == 1 };
            switch (random() % 6) {
            case 0: world.add_slot(false, false); history += " plain"; break;
            case 1: world.add_slot(true, flag); history += flag ? " mappable" : " file"; break;
            case 2: world.delete_slot(); history += " delete"; break;
            case 3: world.close_file(); history += " close"; break;
            case 4: world.convert_file(flag); history += flag ? " file-private" : " file-shared"; break;
            case 5: world.convert_frame(flag); history += flag ? " frame-private" : " frame-shared"; break;
            }
            if (HasFatalFailure())
                return;
        }
        auto const must { world.must() };
        ASSERT_EQ(world.access(), must) << history << ": " << static_cast<int>(must.what) << " " << must.counts_as_private;
    }
}
