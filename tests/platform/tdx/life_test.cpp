// A TD from its key to its last page, and each call at the wrong moment.

#include "world.hpp"

#include "platform/tdx/td.hpp"

#include <gtest/gtest.h>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::tdx;

namespace {

void to_initialized(Td &td)
{
    ASSERT_EQ(td.key_config(), Seam::success);
    for (unsigned i { 0 }; i < tdcs_pages; ++i)
        ASSERT_EQ(td.add_tdcx(), Seam::success);
    ASSERT_EQ(td.init(), Seam::success);
}

}

TEST(Life, TheWholeOfIt)
{
    World w { 4 };
    Td td { World::id };
    EXPECT_EQ(td.life(), Life::hkid_assigned);
    EXPECT_EQ(td.op(), Op::uninitialized);
    EXPECT_EQ(td.add_tdcx(), Seam::lifecycle_state_incorrect);
    EXPECT_EQ(td.key_config(), Seam::success);
    EXPECT_EQ(td.key_config(), Seam::lifecycle_state_incorrect);

    EXPECT_EQ(td.create_vcpu(), Seam::op_state_incorrect);
    EXPECT_EQ(td.init(), Seam::tdcs_not_allocated);
    for (unsigned i { 0 }; i < tdcs_pages; ++i)
        EXPECT_EQ(td.add_tdcx(), Seam::success);
    EXPECT_EQ(td.finalize(), Seam::op_state_incorrect);
    EXPECT_EQ(td.init(), Seam::success);
    EXPECT_EQ(td.init(), Seam::op_state_incorrect);
    EXPECT_EQ(td.add_tdcx(), Seam::op_state_incorrect);

    EXPECT_EQ(td.finalize(), Seam::no_vcpus);
    EXPECT_EQ(td.enter(), Seam::op_state_incorrect);
    EXPECT_EQ(td.create_vcpu(), Seam::success);
    EXPECT_EQ(td.page_add(w.pages, { PageNo { 0 }, 1 }, nullptr), Seam::success);
    EXPECT_EQ(td.finalize(), Seam::success);
    EXPECT_EQ(td.finalize(), Seam::op_state_incorrect);
    w.run();
    EXPECT_EQ(td.create_vcpu(), Seam::op_state_incorrect);
    EXPECT_EQ(td.page_add(w.pages, { PageNo { 1 }, 2 }, nullptr), Seam::op_state_incorrect);
    EXPECT_EQ(td.extend(w.pages, { PageNo { 0 }, 1 }, 0), Seam::op_state_incorrect);
    EXPECT_EQ(td.enter(), Seam::success);
    td.leave(w.vm, w.vm.epoch);

    EXPECT_EQ(page_reclaim(td.state(w.vm), w.pages, PageNo { 0 }), Seam::lifecycle_state_incorrect);
    EXPECT_EQ(td.reclaim_tdr(0), Seam::lifecycle_state_incorrect);
    EXPECT_EQ(td.cache_writeback(), Seam::lifecycle_state_incorrect);
    EXPECT_EQ(td.vpflushdone(), Seam::flushvp_not_done);
    EXPECT_EQ(td.flush_vcpu(), Seam::success);
    EXPECT_EQ(td.vpflushdone(), Seam::success);
    EXPECT_EQ(td.life(), Life::blocked);
    EXPECT_EQ(td.enter(), Seam::lifecycle_state_incorrect);
    EXPECT_EQ(page_aug(td.state(w.vm), w.pages, { PageNo { 1 }, 2 }), Seam::lifecycle_state_incorrect);
    EXPECT_EQ(td.key_freeid(), Seam::wbcache_not_complete);
    EXPECT_EQ(td.cache_writeback(), Seam::success);
    EXPECT_EQ(td.key_freeid(), Seam::success);
    EXPECT_EQ(td.life(), Life::teardown);

    EXPECT_EQ(pages_left(w.pages, World::id), 1u);
    EXPECT_EQ(td.reclaim_tdr(pages_left(w.pages, World::id)), Seam::td_associated_pages_exist);
    EXPECT_EQ(page_reclaim(td.state(w.vm), w.pages, PageNo { 0 }), Seam::success);
    EXPECT_EQ(page_reclaim(td.state(w.vm), w.pages, PageNo { 0 }), Seam::page_metadata_incorrect);
    EXPECT_EQ(w.records[0], Record {});
    EXPECT_EQ(td.reclaim_control_page(PageType::reg), Seam::page_metadata_incorrect);
    for (unsigned i { 0 }; i < tdcs_pages; ++i) {
        EXPECT_EQ(td.reclaim_tdr(0), Seam::td_associated_pages_exist);
        EXPECT_EQ(td.reclaim_control_page(PageType::tdcx), Seam::success);
    }
    EXPECT_EQ(td.reclaim_tdr(0), Seam::td_associated_pages_exist); // the vCPU's
    EXPECT_EQ(td.reclaim_control_page(PageType::tdvpr), Seam::success);
    EXPECT_EQ(td.reclaim_control_page(PageType::tdvpr), Seam::page_metadata_incorrect);
    EXPECT_EQ(td.reclaim_tdr(1), Seam::td_associated_pages_exist); // its memory
    EXPECT_EQ(td.reclaim_tdr(0), Seam::success);
    EXPECT_TRUE(td.removed());
    EXPECT_EQ(td.reclaim_tdr(0), Seam::page_metadata_incorrect);
}

TEST(Life, SecureEptPagesAreChildrenToo)
{
    World w { 512 };
    Td td { World::id };
    to_initialized(td);
    ASSERT_EQ(td.create_vcpu(), Seam::success);
    Upper one, two;
    ASSERT_EQ(td.sept_add(w.vm, one), Seam::success);
    EXPECT_EQ(td.sept_add(w.vm, one), Seam::ept_entry_state_incorrect);
    Place const large { PageNo { 0 }, 512, Level::large, &two };
    ASSERT_EQ(page_aug(td.state(w.vm), w.pages, large), Seam::success);
    ASSERT_EQ(td.demote(w.pages, large), Seam::success);  // + 1
    ASSERT_EQ(td.promote(w.pages, large), Seam::success); // - 1
    ASSERT_EQ(td.demote(w.pages, large), Seam::success);

    ASSERT_EQ(range_block(td.state(w.vm), w.pages, { PageNo { 0 }, 1024, Level::large, &one }), Seam::success);
    EXPECT_EQ(td.sept_remove(w.vm, one), Seam::tlb_tracking_not_done);
    ASSERT_EQ(td.track(w.vm), Seam::success);
    EXPECT_EQ(td.sept_remove(w.vm, one), Seam::success); // one is left: under `two`

    ASSERT_EQ(td.flush_vcpu(), Seam::success);
    ASSERT_EQ(td.vpflushdone(), Seam::success);
    ASSERT_EQ(td.cache_writeback(), Seam::success);
    ASSERT_EQ(td.key_freeid(), Seam::success);
    EXPECT_EQ(td.reclaim_control_page(PageType::tdvpr), Seam::success);
    for (unsigned i { 0 }; i < tdcs_pages; ++i)
        EXPECT_EQ(td.reclaim_control_page(PageType::tdcx), Seam::success);
    EXPECT_EQ(td.reclaim_tdr(0), Seam::td_associated_pages_exist); // the one of the Secure-EPT
    EXPECT_EQ(td.reclaim_control_page(PageType::ept), Seam::success);
    EXPECT_EQ(td.reclaim_control_page(PageType::ept), Seam::page_metadata_incorrect);
    EXPECT_EQ(td.reclaim_tdr(0), Seam::success);
}

TEST(Life, ALargePageGoesAsOne)
{
    World w { 512 };
    w.run();
    Upper upper;
    ASSERT_EQ(page_aug(w.td(), w.pages, { PageNo { 0 }, 512, Level::large, &upper }), Seam::success);
    auto td { w.td() };
    td.life = Life::teardown;
    EXPECT_EQ(page_reclaim(td, w.pages, PageNo { 1 }), Seam::operand_invalid);
    EXPECT_EQ(page_reclaim(td, w.pages, PageNo { 512 }), Seam::operand_invalid);
    td.id = 9;
    EXPECT_EQ(page_reclaim(td, w.pages, PageNo { 0 }), Seam::page_metadata_incorrect);
    td.id = World::id;
    EXPECT_EQ(page_reclaim(td, w.pages, PageNo { 0 }), Seam::success);
    EXPECT_EQ(w.records, std::vector<Record>(512));
}

TEST(Life, TrackWaitsForVcpusOfTheEpochBefore)
{
    World w { 4 };
    Td td { World::id };
    to_initialized(td);
    ASSERT_EQ(td.create_vcpu(), Seam::success);
    ASSERT_EQ(td.create_vcpu(), Seam::success);
    ASSERT_EQ(td.finalize(), Seam::success);
    w.run();
    auto const first { w.vm.epoch };
    ASSERT_EQ(td.enter(), Seam::success);
    ASSERT_EQ(td.track(w.vm), Seam::success);
    EXPECT_EQ(w.vm.epoch, first + 1);
    EXPECT_EQ(td.track(w.vm), Seam::previous_tlb_epoch_busy);
    EXPECT_EQ(w.vm.epoch, first + 1);
    ASSERT_EQ(td.enter(), Seam::success);            // the other vCPU, in the new epoch
    EXPECT_EQ(td.enter(), Seam::operand_busy);       // both are inside
    EXPECT_EQ(td.flush_vcpu(), Seam::operand_busy);
    EXPECT_EQ(td.vpflushdone(), Seam::flushvp_not_done);
    td.leave(w.vm, first);
    EXPECT_EQ(td.track(w.vm), Seam::success);
    td.leave(w.vm, first + 1);
    EXPECT_EQ(td.flush_vcpu(), Seam::success);
    EXPECT_EQ(td.flush_vcpu(), Seam::success);
    ASSERT_EQ(td.enter(), Seam::success); // and back: its state is on a processor again
    td.leave(w.vm, w.vm.epoch);
    EXPECT_EQ(td.vpflushdone(), Seam::flushvp_not_done);
}
