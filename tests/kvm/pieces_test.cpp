// Slots that are lists of real slots, in a VM without a real KVM: every table is the real one, only nothing runs. Against a model of one
// entry a page.

#include "kvm/vm.hpp"

#include "kvm/guest_memfd.hpp"
#include "memory/sigbus.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <unistd.h>

using namespace gmem;
using namespace gmem::kvm;

namespace {

constexpr std::uint64_t page { page_size };
constexpr int no_fd { -1 };

memory::GuestMemory *the_file { nullptr };

// Descriptor 7 is the file.
memory::GuestMemory *look_up(int fd, int &error) noexcept
{
    error = EBADF;
    if (fd != 7 || !the_file)
        return nullptr;
    the_file->acquire();
    return the_file;
}

class Pieces : public ::testing::Test {
protected:
    void SetUp() override
    {
        Mode::choose(Mode::of(false, true));
        auto made { Vm::create(Vm::Kind::with_private_memory, Vm::Backing::none) };
        ASSERT_TRUE(made);
        vm_ = std::move(made).take();
    }
    void TearDown() override
    {
        vm_->release();
        if (the_file)
            the_file->release();
        the_file = nullptr;
        Mode::choose({});
    }
    void make_file(std::uint64_t pages)
    {
        uapi::CreateGuestMemfd request { pages * page, 0, {} };
        auto const fd { vm_->create_guest_memfd(reinterpret_cast<std::uintptr_t>(&request), the_file) };
        ASSERT_GE(fd, 0);
        close(static_cast<int>(fd)); // the reference is the table's, and that is `the_file` here
    }
    long set(std::uint64_t gpa, std::uint64_t size, std::uint64_t attributes)
    {
        uapi::MemoryAttributes request { gpa, size, attributes, 0 };
        return vm_->set_memory_attributes(no_fd, reinterpret_cast<std::uintptr_t>(&request));
    }
    long plain(std::uint32_t slot, std::uint64_t gpa, std::uint64_t size, std::uintptr_t address, std::uint32_t flags = 0)
    {
        uapi::UserspaceMemoryRegion request { slot, flags, gpa, size, address };
        return vm_->set_memory_region(no_fd, reinterpret_cast<std::uintptr_t>(&request), &look_up);
    }
    long bound(std::uint32_t slot, std::uint64_t gpa, std::uint64_t size, std::uintptr_t address, std::uint64_t offset)
    {
        uapi::UserspaceMemoryRegion2 request { { slot, uapi::mem_guest_memfd, gpa, size, address }, offset, 7, 0, {} };
        return vm_->set_memory_region2(no_fd, reinterpret_cast<std::uintptr_t>(&request), &look_up);
    }

    Vm *vm_ { nullptr };
};

} // namespace

// Every second page of `pieces` pairs is private before the slot comes, which then is that many pieces.
TEST_F(Pieces, OneMoreThanTheRealKvmHas)
{
    constexpr std::uint64_t most { uapi::user_memslots };
    for (std::uint64_t i { 0 }; i < most - 1; ++i)
        ASSERT_EQ(set((2 * i + 1) * page, page, 8), 0);
    ASSERT_EQ(plain(0, 0, 2 * most * page + 5 * page, 0x10000), 0); // the last piece is longer
    auto const longer { 2 * (most - 1) * page };
    EXPECT_EQ(set(longer + page, page, 8), -ENOMEM);
    EXPECT_EQ(vm_->place(longer + page).what, GuestPlace::What::memory); // nothing has changed
    EXPECT_EQ(plain(1, 80000 * page, page, 0x10000), -ENOMEM);
    EXPECT_EQ(plain(0, 80000 * page, 2 * most * page + 5 * page, 0x10000), 0); // moves: one piece there
    EXPECT_EQ(vm_->audit(), nullptr);
    EXPECT_EQ(plain(0, 0, 2 * most * page + 5 * page, 0x10000), 0);
    EXPECT_EQ(set(page, page, 0), 0); // one piece less
    EXPECT_EQ(plain(1, 80000 * page, page, 0x10000), 0);
    EXPECT_EQ(vm_->audit(), nullptr);
    EXPECT_EQ(set(0, longer, 0), 0);
    EXPECT_EQ(plain(0, 0, 0, 0), 0);
    EXPECT_EQ(vm_->audit(), nullptr);
}

TEST_F(Pieces, AFailureInTheSecondSlotLeavesTheFirstAsItWas)
{
    constexpr std::uint64_t most { uapi::user_memslots };
    ASSERT_EQ(plain(0, 0, 10 * page, 0x100000), 0);
    ASSERT_EQ(plain(1, 10 * page, 10 * page, 0x200000), 0);
    ASSERT_EQ(set(8 * page, 7 * page, 8), 0); // the end of one, the beginning of the other
    for (std::uint64_t i { 0 }; i < most - 2; ++i)
        ASSERT_EQ(set((100 + 2 * i + 1) * page, page, 8), 0);
    ASSERT_EQ(plain(2, 100 * page, 2 * (most - 2) * page, 0x300000), 0); // all the others
    // The first slot's piece would grow, the second would need one more.
    EXPECT_EQ(set(8 * page, 4 * page, 0), -ENOMEM);
    EXPECT_EQ(vm_->audit(), nullptr);
    for (std::uint64_t i { 0 }; i < 20; ++i)
        EXPECT_EQ(vm_->place(i * page).what, i < 8 || i >= 15 ? GuestPlace::What::memory : GuestPlace::What::fault) << i;
    EXPECT_EQ(set(8 * page, 2 * page, 0), 0);
    EXPECT_EQ(vm_->audit(), nullptr);
}

TEST_F(Pieces, AnyOrderOfSlotsAndAttributes)
{
    constexpr std::uint64_t frames { 256 };
    constexpr std::uintptr_t program { 0x7000'0000 };
    ASSERT_NO_FATAL_FAILURE(make_file(frames));
    struct Where final { std::uint64_t gpa, size; bool with_file; };
    std::map<std::uint32_t, Where> slots;
    std::vector<bool> is_private(frames);
    auto const seed { std::random_device {}() };
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random { seed };
    auto const upto { [&](std::uint64_t n) { return random() % n; } };

    for (int step { 0 }; step < 4000; ++step) {
        auto const first { upto(frames) }, count { 1 + upto(step % 3 ? 5 : frames - first) };
        auto const end { std::min(first + count, frames) };
        auto const number { static_cast<std::uint32_t>(upto(6)) };
        auto const overlaps { [&] {
            for (auto const &[n, s] : slots)
                if (n != number && first * page < s.gpa + s.size && s.gpa < end * page)
                    return true;
            return false;
        }() };
        switch (upto(8)) {
        default: {
            bool const to_private { upto(2) == 1 };
            ASSERT_EQ(set(first * page, (end - first) * page, to_private ? 8 : 0), 0);
            std::fill(is_private.begin() + static_cast<long>(first), is_private.begin() + static_cast<long>(end), to_private);
            break;
        }
        case 0: {
            auto const result { plain(number, 0, 0, 0) };
            ASSERT_EQ(result, slots.erase(number) ? 0 : -EINVAL);
            break;
        }
        case 1: // the address says where each byte must come from
            if (!slots.contains(number)) {
                auto const result { plain(number, first * page, (end - first) * page, program + first * page) };
                ASSERT_EQ(result, overlaps ? -EEXIST : 0);
                if (!overlaps)
                    slots[number] = { first * page, (end - first) * page, false };
            }
            break;
        case 2:
            if (!slots.contains(number)) {
                auto const result { bound(number, first * page, (end - first) * page, program + first * page, first * page) };
                ASSERT_EQ(result, overlaps ? -EEXIST : 0);
                if (!overlaps)
                    slots[number] = { first * page, (end - first) * page, true };
            }
            break;
        }
        ASSERT_EQ(vm_->audit(), nullptr) << "after step " << step;
        for (int i { 0 }; i < 16; ++i) {
            auto const frame { upto(frames) };
            auto const gpa { frame * page + upto(page) };
            auto const place { vm_->place(gpa) };
            auto const at { std::find_if(slots.begin(), slots.end(), [&](auto const &s) { return gpa - s.second.gpa < s.second.size; }) };
            bool const there { at != slots.end() };
            if (is_private[frame]) {
                bool const with_file { there && at->second.with_file };
                ASSERT_EQ(place.what, with_file ? GuestPlace::What::memory : GuestPlace::What::fault);
                ASSERT_EQ(place.access, Attribute::private_);
                if (with_file)
                    ASSERT_EQ(place.address, the_file->view() + gpa);
            } else {
                ASSERT_EQ(place.what, there ? GuestPlace::What::memory : GuestPlace::What::foreign);
                if (there)
                    ASSERT_EQ(place.address, program + gpa);
            }
            ASSERT_TRUE(place.what == GuestPlace::What::foreign || vm_->may_hold(gpa));
        }
    }
}
