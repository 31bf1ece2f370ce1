// The calls on memory in the order of a TD's life, and what they must refuse (platform-models.md 2.6).

#include "world.hpp"

#include <gtest/gtest.h>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::tdx;

namespace {
constexpr Place here { PageNo { 0 }, 100 };
}

TEST(Calls, AddCopiesAndNeedsNoAccept)
{
    World w { 4 };
    std::byte source[page_size];
    fill(source, 0x11);
    EXPECT_EQ(page_add(w.td(), w.pages, here, source), Seam::success);
    EXPECT_TRUE(all_words(w.bytes(0), 0x11));
    EXPECT_EQ(w.record(0).entry, Entry::mapped);

    fill(w.bytes(1), 0x22);
    EXPECT_EQ(page_add(w.td(), w.pages, { PageNo { 1 }, 101 }, nullptr), Seam::success);
    EXPECT_TRUE(all_words(w.bytes(1), 0x22)); // in place
}

TEST(Calls, AddAfterFinalizeIsRefusedAndAugBeforeIsNot)
{
    World w { 4 };
    EXPECT_EQ(page_aug(w.td(), w.pages, here), Seam::success);
    w.run();
    EXPECT_EQ(page_add(w.td(), w.pages, { PageNo { 1 }, 101 }, nullptr), Seam::op_state_incorrect);
    EXPECT_EQ(page_aug(w.td(), w.pages, { PageNo { 1 }, 101 }), Seam::success);
}

TEST(Calls, AcceptNeedsARunningGuestAndWritesZeros)
{
    World w { 4 };
    fill(w.bytes(0), 0x33);
    ASSERT_EQ(page_aug(w.td(), w.pages, here), Seam::success);
    EXPECT_TRUE(all_words(w.bytes(0), 0x33)); // AUG leaves the bytes
    EXPECT_EQ(page_accept(w.td(), w.pages, here), Seam::op_state_incorrect);
    w.run();
    EXPECT_EQ(page_accept(w.td(), w.pages, here), Seam::success);
    EXPECT_TRUE(all_words(w.bytes(0), 0));
    fill(w.bytes(0), 0x44);
    EXPECT_EQ(page_accept(w.td(), w.pages, here), Seam::page_already_accepted);
    EXPECT_TRUE(all_words(w.bytes(0), 0x44));
}

TEST(Calls, RemoveWantsBlockAndTrack)
{
    World w { 4 };
    w.run();
    ASSERT_EQ(page_aug(w.td(), w.pages, here), Seam::success);
    EXPECT_EQ(page_remove(w.td(), w.pages, here), Seam::gpa_range_not_blocked);
    EXPECT_EQ(range_block(w.td(), w.pages, here), Seam::success);
    EXPECT_EQ(range_block(w.td(), w.pages, here), Seam::gpa_range_already_blocked);
    EXPECT_EQ(page_remove(w.td(), w.pages, here), Seam::tlb_tracking_not_done);
    auto td { w.td() };
    EXPECT_EQ(mem_track(td), Seam::success);
    EXPECT_EQ(page_remove(w.td(), w.pages, here), Seam::success);
    EXPECT_EQ(w.records[0], Record {});
    EXPECT_EQ(page_remove(w.td(), w.pages, here), Seam::ept_entry_state_incorrect);
}

TEST(Calls, RemoveWipesNothing)
{
    World w { 4 };
    fill(w.bytes(0), 0x55);
    ASSERT_EQ(page_add(w.td(), w.pages, here, nullptr), Seam::success);
    ASSERT_EQ(page_remove(w.td(), w.pages, here), Seam::success); // before FINALIZE: without BLOCK
    EXPECT_TRUE(all_words(w.bytes(0), 0x55));
}

TEST(Calls, APageWithVcpusInAnOldEpochStays)
{
    World w { 4 };
    w.run();
    auto td { w.td() };
    td.inside.now = 2; // two vCPUs run when the page is blocked
    ASSERT_EQ(page_aug(td, w.pages, here), Seam::success);
    ASSERT_EQ(range_block(td, w.pages, here), Seam::success);
    ASSERT_EQ(mem_track(td), Seam::success);
    EXPECT_EQ(td.inside.now, 0u);
    EXPECT_EQ(td.inside.before, 2u);
    EXPECT_EQ(page_remove(td, w.pages, here), Seam::tlb_tracking_not_done);
    EXPECT_EQ(mem_track(td), Seam::previous_tlb_epoch_busy);
    td.inside.before = 1;
    EXPECT_EQ(page_remove(td, w.pages, here), Seam::tlb_tracking_not_done);
    td.inside.before = 0;
    td.inside.now = 5; // whoever enters now has clean TLBs
    EXPECT_EQ(page_remove(td, w.pages, here), Seam::success);
}

TEST(Calls, OnePageNeverComesToTwoFrames)
{
    World w { 4 };
    ASSERT_EQ(page_add(w.td(), w.pages, here, nullptr), Seam::success);
    EXPECT_EQ(page_add(w.td(), w.pages, { PageNo { 0 }, 200 }, nullptr), Seam::page_metadata_incorrect);
    EXPECT_EQ(page_aug(w.td(), w.pages, { PageNo { 0 }, 200 }), Seam::page_metadata_incorrect);
    EXPECT_EQ(w.record(0).frame, 100u);
    EXPECT_EQ(range_block(w.td(), w.pages, { PageNo { 0 }, 200 }), Seam::ept_entry_state_incorrect);
}

TEST(Calls, OnePageNeverBelongsToTwoTds)
{
    World w { 4 };
    w.run();
    ASSERT_EQ(page_aug(w.td(), w.pages, here), Seam::success);
    auto other { w.td() };
    other.id = 8;
    EXPECT_EQ(page_aug(other, w.pages, { PageNo { 0 }, 300 }), Seam::page_metadata_incorrect);
    for (auto *const call : { page_accept, range_block, range_unblock, page_remove })
        EXPECT_EQ(call(other, w.pages, here), Seam::page_metadata_incorrect);
    EXPECT_EQ(w.record(0).owner, World::id);
}

TEST(Calls, ExtendOnPendingIsRefused)
{
    World w { 4 };
    ASSERT_EQ(page_aug(w.td(), w.pages, here), Seam::success);
    EXPECT_EQ(may_extend(w.td(), w.pages, here), Seam::ept_entry_state_incorrect);
}

TEST(Calls, UnblockGivesThePageBackAsItWas)
{
    World w { 4 };
    w.run();
    ASSERT_EQ(page_aug(w.td(), w.pages, here), Seam::success);
    ASSERT_EQ(page_accept(w.td(), w.pages, here), Seam::success);
    fill(w.bytes(0), 0x66);
    ASSERT_EQ(range_block(w.td(), w.pages, here), Seam::success);
    ASSERT_EQ(range_unblock(w.td(), w.pages, here), Seam::success);
    EXPECT_EQ(w.record(0).entry, Entry::mapped);
    EXPECT_EQ(audit_of(w.record(0)), nullptr);
    EXPECT_TRUE(all_words(w.bytes(0), 0x66));
}

TEST(Calls, PlacesAreAlignedAndInside)
{
    World w { 1024 };
    w.run();
    Upper upper;
    auto const aug { [&](std::uint64_t page, std::uint64_t frame, Upper *u, Level level = Level::large) {
        return page_aug(w.td(), w.pages, { PageNo { page }, frame, level, u });
    } };
    EXPECT_EQ(aug(1, 512, &upper), Seam::operand_invalid);
    EXPECT_EQ(aug(0, 513, &upper), Seam::operand_invalid);
    EXPECT_EQ(aug(0, 512, nullptr), Seam::operand_invalid);
    EXPECT_EQ(aug(1024, 512, &upper), Seam::operand_invalid);
    EXPECT_EQ(aug(1024, 512, nullptr, Level::small), Seam::operand_invalid);
    EXPECT_EQ(aug(0, last_frame + 1, nullptr, Level::small), Seam::operand_invalid);
    EXPECT_EQ(aug(0, last_frame, nullptr, Level::small), Seam::success);
    EXPECT_EQ(aug(512, last_frame - 511, &upper), Seam::success);
    w.pages.first_physical = 7; // no page of the machine is where 2 MiB begin
    Upper other;
    EXPECT_EQ(aug(0, 512, &other), Seam::operand_invalid);
    w.vm.phase = Phase::launching;
    w.pages.first_physical = 512;
    EXPECT_EQ(page_add(w.td(), w.pages, { PageNo { 0 }, 512, Level::large, &other }, nullptr), Seam::operand_invalid);
    EXPECT_EQ(page_demote(w.td(), w.pages, { PageNo { 0 }, 512, Level::small, nullptr }), Seam::operand_invalid);
    EXPECT_EQ(page_promote(w.td(), w.pages, { PageNo { 0 }, 512, Level::small, nullptr }), Seam::operand_invalid);
}

TEST(Calls, TheWayToAnEntryMustBeThere)
{
    World w { 512 };
    w.run();
    for (auto const &row : entries) {
        Upper upper { row.entry, 0 };
        Place const at { PageNo { 3 }, 515, Level::small, &upper };
        w.records[3] = {};
        EXPECT_EQ(page_aug(w.td(), w.pages, at), row.entry == Entry::nl_mapped ? Seam::success : Seam::ept_walk_failed) << row.name;
    }
}

TEST(Calls, AcceptNamesTheSizeThatIsThere)
{
    World w { 512 };
    w.run();
    Upper upper;
    Place const large { PageNo { 0 }, 512, Level::large, &upper };
    ASSERT_EQ(page_aug(w.td(), w.pages, large), Seam::success);
    EXPECT_EQ(page_accept(w.td(), w.pages, { PageNo { 5 }, 517, Level::small, &upper }), Seam::page_size_mismatch);
    EXPECT_EQ(page_accept(w.td(), w.pages, { PageNo { 5 }, 517 }), Seam::page_size_mismatch);
    ASSERT_EQ(page_demote(w.td(), w.pages, large), Seam::success);
    EXPECT_EQ(page_accept(w.td(), w.pages, large), Seam::page_size_mismatch);
    EXPECT_EQ(page_accept(w.td(), w.pages, { PageNo { 5 }, 517, Level::small, &upper }), Seam::success);
}

TEST(Calls, APageThatIsTakenSpoilsALargeOne)
{
    World w { 512 };
    w.run();
    ASSERT_EQ(page_aug(w.td(), w.pages, { PageNo { 300 }, 5000 }), Seam::success);
    Upper upper;
    EXPECT_EQ(page_aug(w.td(), w.pages, { PageNo { 0 }, 512, Level::large, &upper }), Seam::page_metadata_incorrect);
    EXPECT_EQ(upper.entry, Entry::free);
    EXPECT_FALSE(owned(w.record(0)));
}

TEST(Calls, JoiningWants512OfOneKind)
{
    World w { 512 };
    w.run();
    Upper upper;
    ASSERT_EQ(sept_add(w.td(), upper), Seam::success);
    auto const small { [&](std::uint64_t i) { return Place { PageNo { i }, 1024 + i, Level::small, &upper }; } };
    Place const large { PageNo { 0 }, 1024, Level::large, &upper };
    for (std::uint64_t i { 0 }; i < 511; ++i)
        ASSERT_EQ(page_aug(w.td(), w.pages, small(i)), Seam::success);
    EXPECT_EQ(page_promote(w.td(), w.pages, large), Seam::ept_invalid_promote_conditions);
    ASSERT_EQ(page_aug(w.td(), w.pages, small(511)), Seam::success);
    ASSERT_EQ(page_accept(w.td(), w.pages, small(17)), Seam::success);
    EXPECT_EQ(page_promote(w.td(), w.pages, large), Seam::ept_invalid_promote_conditions);
    for (std::uint64_t i { 0 }; i < 512; ++i)
        if (i != 17) {
            ASSERT_EQ(page_accept(w.td(), w.pages, small(i)), Seam::success);
        }
    ASSERT_EQ(range_block(w.td(), w.pages, large), Seam::success);
    EXPECT_EQ(w.record(0).entry, Entry::mapped); // the block is above
    EXPECT_EQ(range_block(w.td(), w.pages, small(0)), Seam::ept_walk_failed);
    EXPECT_EQ(page_promote(w.td(), w.pages, large), Seam::tlb_tracking_not_done);
    auto td { w.td() };
    ASSERT_EQ(mem_track(td), Seam::success);
    EXPECT_EQ(page_promote(w.td(), w.pages, large), Seam::success);
    EXPECT_EQ(upper.entry, Entry::mapped);
    EXPECT_EQ(w.record(511).level, Level::large);

    ASSERT_EQ(range_block(w.td(), w.pages, large), Seam::success);
    EXPECT_EQ(page_demote(w.td(), w.pages, large), Seam::tlb_tracking_not_done);
    EXPECT_EQ(page_remove(w.td(), w.pages, large), Seam::tlb_tracking_not_done);
    ASSERT_EQ(mem_track(td), Seam::success);
    EXPECT_EQ(page_remove(w.td(), w.pages, large), Seam::success);
    EXPECT_EQ(w.records, std::vector<Record>(512));
}

TEST(Calls, ABusyOperandChangesNothing)
{
    World w { 4 };
    w.run();
    auto td { w.td() };
    td.busy = true;
    EXPECT_EQ(page_aug(td, w.pages, here), Seam::operand_busy);
    EXPECT_EQ(mem_track(td), Seam::operand_busy);
    EXPECT_EQ(w.vm.epoch, 0u);
    EXPECT_EQ(w.records, std::vector<Record>(4));
}
