// Section 6.1: the checks of KVM_SET_USER_MEMORY_REGION2 with a guest_memfd, in their order.

#include "spec/memslot.hpp"
#include "tests/conformance/differences.hpp"
#include "tests/conformance/subject.hpp"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace gmem;
using namespace gmem::conformance;

namespace {

constexpr std::uint64_t page { 4096 };

class Memslots : public ::testing::Test {
protected:
    void SetUp() override
    {
        NEEDS_GUEST_MEMFD();
        vm_ = std::make_unique<Vm>();
        fd_ = vm_->create(16 * page, 3);
        other_vm_ = std::make_unique<Vm>();
        foreign_ = other_vm_->create(16 * page, 3);
        model_ = { .slot_limit = static_cast<std::uint32_t>(ioctl(vm_->fd(), kvm_check_extension, 10)),
            .address_spaces = Offer::here().rules.private_memory ? 1u : 2u, .slots = {} };
    }
    void TearDown() override
    {
        if (vm_) {
            close(fd_);
            close(foreign_);
        }
    }
    // Makes the call on both sides; on success both remember it.
    void set(spec::MemslotCall const &call, spec::NamedFile named = spec::NamedFile::ours)
    {
        int const fds[] { -1, Offer::here().kvm, foreign_, fd_ };
        MemoryRegion2 const q { call.slot, call.flags, call.gpa, call.size, call.userspace_addr, call.offset, static_cast<std::uint32_t>(fds[static_cast<int>(named)]), 0, {} };
        spec::MemslotFile const file { named, spec::FileId { 1 }, 16 * page };
        auto const must { spec::memslot_errno(model_, call, file) };
        auto const got { bind(vm_->fd(), q) };
        // The overlap of file ranges is the one EEXIST that is not about guest addresses.
        EXPECT_EQ(got, spec::overlaps_in_guest(model_, call) ? must : differences::binding_overlap(must, Offer::here().has_private_vms)) << "slot " << call.slot << " flags " << call.flags << " gpa " << call.gpa << " size " << call.size << " offset " << call.offset;
        if (got == 0)
            spec::memslot_done(model_, call, file);
    }
    static spec::MemslotCall good() { return { .slot = 1, .flags = 4, .gpa = 1 << 20, .size = 4 * page, .userspace_addr = 0, .offset = 0 }; }

    std::unique_ptr<Vm> vm_, other_vm_;
    int fd_ { -1 }, foreign_ { -1 };
    spec::VmSlots model_;
};

} // namespace

TEST_F(Memslots, NullAndUnrelatedUserspaceAddressesAreLegal)
{
    set(good());
    auto second { good() };
    second.slot = 2;
    second.gpa = 2 << 20;
    second.offset = 4 * page;
    second.userspace_addr = 0x7000'0000'0000;
    set(second);
}

TEST_F(Memslots, EachNumberAlone)
{
    auto const wrong { [&](auto &&change) { auto call { good() }; change(call); set(call); } };
    wrong([&](auto &c) { c.slot = model_.slot_limit; });
    for (std::uint32_t extra : { 1u, 2u, 3u, 8u, 1u << 31 })
        wrong([&](auto &c) { c.flags |= extra; });
    wrong([](auto &c) { c.size = page + 1; });
    wrong([](auto &c) { c.gpa += 1; });
    wrong([](auto &c) { c.userspace_addr = 1; });
    wrong([](auto &c) { c.userspace_addr = 1ull << 63; });
    wrong([](auto &c) { c.offset = 1; });
    wrong([](auto &c) { c.offset = ~0ull & ~(page - 1); });
    if (Offer::here().rules.private_memory)
        wrong([](auto &c) { c.slot |= 1 << 16; });
    wrong([](auto &c) { c.gpa = ~0ull & ~(page - 1); });
    wrong([](auto &c) { c.size = 1ull << 43; });
    wrong([](auto &c) { c.size = 17 * page; });
    wrong([](auto &c) { c.offset = 13 * page; });
    wrong([](auto &c) { c.size = 0; }); // deleting what does not exist
    EXPECT_TRUE(model_.slots.empty());
    set(good()); // and nothing stuck
}

TEST_F(Memslots, FilesThatCannotBeBound)
{
    set(good(), spec::NamedFile::not_open);
    set(good(), spec::NamedFile::something_else);
    set(good(), spec::NamedFile::of_another_vm);
    set(good());
}

TEST_F(Memslots, GuestOverlapComesBeforeTheFile)
{
    set(good());
    auto over { good() };
    over.slot = 2;
    over.gpa += page;
    set(over, spec::NamedFile::not_open);
    set(over);
}

TEST_F(Memslots, AnOverlapInTheFileIsRefused)
{
    set(good());
    auto twice { good() };
    twice.slot = 2;
    twice.gpa = 4 << 20;
    twice.offset = 3 * page;
    set(twice);
    twice.offset = 4 * page;
    set(twice);
}

TEST_F(Memslots, ASlotWithAFileCanOnlyBeDeleted)
{
    set(good());
    set(good());
    auto moved { good() };
    moved.gpa += 1 << 20;
    set(moved);
    auto deletion { good() };
    deletion.flags = 0;
    deletion.size = 0;
    set(deletion);
    set(moved);
    set(deletion);
    set(deletion);
}

TEST_F(Memslots, TheFirstIoctlKnowsNoFile)
{
    MemoryRegion2 q { 1, 4, 1 << 20, page, 0, 0, static_cast<std::uint32_t>(fd_), 0, {} };
    EXPECT_EQ(errno_of(ioctl(vm_->fd(), kvm_set_user_memory_region, &q)), EINVAL);
    EXPECT_EQ(errno_of(ioctl(vm_->fd(), kvm_set_user_memory_region2, nullptr)), EFAULT);
}

TEST_F(Memslots, AnyOrderOfTeardown)
{
    set(good());
    close(fd_);
    auto deletion { good() };
    deletion.flags = 0;
    deletion.size = 0;
    set(deletion);
    fd_ = vm_->create(16 * page, 3);
    set(good());
    vm_.reset(); // the VM goes first; the file is still a file
    EXPECT_EQ(errno_of(fallocate(fd_, 1, 0, page)), 0);
    vm_ = std::make_unique<Vm>();
}
