// The specification's own statements, by example, where not every subject can be asked: pins, policies, what a guest meets.

#include "spec/convert.hpp"
#include "spec/create.hpp"
#include "spec/file_operations.hpp"
#include "spec/memslot.hpp"
#include "spec/pins.hpp"

#include <cerrno>
#include <gtest/gtest.h>

using namespace gmem;
using namespace gmem::spec;

namespace {

File file_of(std::uint64_t pages) { return created({ pages * page_size, flag_mmap | flag_init_shared }, rules_of(VmType::sw_protected, true)); }
ConvertCall to_private(std::uint64_t first, std::uint64_t pages) { return { first * page_size, pages * page_size, attribute_private, 0, {} }; }
Outcome busy(std::uint64_t page) { return { EAGAIN, page * page_size }; }

} // namespace

TEST(ModelOfPins, TheFirstPinnedPageIsNamedAndNothingChanges)
{
    auto f { file_of(8) };
    ASSERT_EQ(pin(f, 5, 6), 0);
    ASSERT_EQ(pin(f, 3, 4), 0);
    auto const before { f };
    EXPECT_TRUE(convert(f, to_private(0, 8), {}));         // success is not allowed
    EXPECT_TRUE(convert(f, to_private(0, 8), busy(5)));    // not the first
    EXPECT_TRUE(convert(f, to_private(0, 3), busy(0)));    // nobody holds these
    EXPECT_FALSE(convert(f, to_private(0, 8), busy(3)));
    EXPECT_EQ(f, before);
    EXPECT_FALSE(convert(f, to_private(4, 1), {}));        // between the two
    unpin(f, 3, 4);
    EXPECT_FALSE(convert(f, to_private(0, 8), busy(5)));
    unpin(f, 5, 6);
    EXPECT_FALSE(convert(f, to_private(0, 8), {}));
    EXPECT_EQ(pin(f, 0, 1), EFAULT);                       // private: cannot be reached
}

TEST(ModelOfPins, APunchedPageLeavesItsPinnerBehind)
{
    auto f { file_of(2) };
    ASSERT_EQ(pin(f, 0, 1), 0);
    ASSERT_EQ(spec::fallocate(f, { keep_size | punch_hole, 0, static_cast<std::int64_t>(page_size) }), 0);
    EXPECT_FALSE(convert(f, to_private(0, 1), {}));
}

TEST(ModelOfPins, ATransientRefusalIsLegalWhereItIsPossibleButNeverBeyondAPin)
{
    auto f { file_of(4) };
    EXPECT_TRUE(convert(f, to_private(0, 4), busy(1)));
    EXPECT_FALSE(convert(f, to_private(0, 4), busy(1), Transient::possible));
    ASSERT_EQ(pin(f, 2, 3), 0);
    EXPECT_TRUE(convert(f, to_private(0, 4), busy(3), Transient::possible));
}

TEST(ModelOfSlots, WhatAGuestMeets)
{
    VmSlots vm { 100, 1, {} };
    MemslotCall const call { .slot = 1, .flags = mem_guest_memfd, .gpa = 1 << 20, .size = 4 * page_size, .userspace_addr = 0, .offset = 2 * page_size };
    MemslotFile const file { NamedFile::ours, FileId { 7 }, 8 * page_size };
    ASSERT_EQ(memslot_errno(vm, call, file), 0);
    memslot_done(vm, call, file);
    EXPECT_EQ(guest_access(vm, (1 << 20) + page_size).at, 3 * page_size);
    EXPECT_EQ(guest_access(vm, (1 << 20) + 4 * page_size).what, GuestMeets::mmio);
    file_gone(vm, FileId { 7 });
    EXPECT_EQ(guest_access(vm, 1 << 20).what, GuestMeets::memory_fault);
    auto move { call };
    move.flags = 0;
    EXPECT_EQ(memslot_errno(vm, move, file), EINVAL); // it can only be deleted, also now
}
