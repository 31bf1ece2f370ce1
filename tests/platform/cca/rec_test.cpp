// A guest asks for another RIPAS; the host does part of it, all of it, or refuses.

#include "platform/cca/rec.hpp"

#include "world.hpp"

#include <gtest/gtest.h>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::cca;

namespace {

constexpr RipasChange to_ram { first_frame, first_frame + 4, Ripas::ram, false };
constexpr RipasChange to_empty { first_frame, first_frame + 4, Ripas::empty, true };

Ripas ripas(World const &w, std::uint64_t i) { return w.page(PageNo { i }).entry.ripas; }

}

TEST(Rec, AskingExitsAndTheHostIsToldWhat)
{
    Rec rec { space };
    EXPECT_FALSE(rec.changing());
    ASSERT_EQ(rec.ipa_state_set(to_ram), Rsi::success);
    ASSERT_TRUE(rec.changing());
    EXPECT_EQ(rec.pending().base, first_frame);
    EXPECT_EQ(rec.pending().top, first_frame + 4);
    EXPECT_TRUE(rec.pending().to_private());
    ASSERT_EQ(rec.ipa_state_set(to_empty), Rsi::success);
    EXPECT_FALSE(rec.pending().to_private());
}

TEST(Rec, WhatNoGuestMayAskForDoesNotExit)
{
    auto const lower_end { space.frames() / 2 };
    for (auto const &c : { RipasChange { 4, 4, Ripas::ram, false }, RipasChange { 5, 4, Ripas::ram, false }, RipasChange { lower_end - 1, lower_end + 1, Ripas::ram, false },
             RipasChange { lower_end, lower_end + 1, Ripas::empty, false }, RipasChange { 4, 5, Ripas::destroyed, true } }) {
        Rec rec { space };
        EXPECT_EQ(rec.ipa_state_set(c), Rsi::error_input);
        EXPECT_FALSE(rec.changing());
    }
}

TEST(Rec, TheHostDoesWhatWasAskedInParts)
{
    World w { 4 };
    Rec rec { space };
    EXPECT_EQ(rec.set_ripas(w.pages, page0, first_frame, first_frame + 4), rmi_error_input); // nobody asked
    ASSERT_EQ(rec.ipa_state_set(to_ram), Rsi::success);
    EXPECT_EQ(rec.set_ripas(w.pages, page1, first_frame + 1, first_frame + 4), rmi_error_input); // not the next part
    EXPECT_EQ(rec.set_ripas(w.pages, page0, first_frame, first_frame + 5), rmi_error_input);     // more than that
    EXPECT_EQ(rec.set_ripas(w.pages, page0, first_frame, first_frame), rmi_error_input);
    EXPECT_EQ(rec.set_ripas(w.pages, PageNo { 3 }, first_frame, first_frame + 2), rmi_error_input); // behind the file
    ASSERT_TRUE(rec.set_ripas(w.pages, page0, first_frame, first_frame + 1));
    EXPECT_EQ(rec.set_ripas(w.pages, page0, first_frame, first_frame + 1), rmi_error_input); // done already
    EXPECT_EQ(ripas(w, 0), Ripas::ram);
    EXPECT_EQ(ripas(w, 1), Ripas::empty);
    ASSERT_TRUE(rec.set_ripas(w.pages, page1, first_frame + 1, first_frame + 4));
    auto const answer { rec.enter(true) }; // too late to refuse
    EXPECT_EQ(answer.progress, first_frame + 4);
    EXPECT_FALSE(answer.rejected);
    EXPECT_FALSE(rec.changing());
    EXPECT_EQ(rec.set_ripas(w.pages, page0, first_frame, first_frame + 1), rmi_error_input);
}

TEST(Rec, TheHostMayRejectRamAndNothingElse)
{
    Rec rec { space };
    ASSERT_EQ(rec.ipa_state_set(to_ram), Rsi::success);
    EXPECT_TRUE(rec.enter(true).rejected);
    ASSERT_EQ(rec.ipa_state_set(to_ram), Rsi::success);
    EXPECT_FALSE(rec.enter(false).rejected);
    ASSERT_EQ(rec.ipa_state_set(to_empty), Rsi::success);
    EXPECT_FALSE(rec.enter(true).rejected);
}

TEST(Rec, WhatTheHostDestroyedIsChangedOnlyIfTheGuestSaysSo)
{
    World w { 4 };
    w.put(PageNo { 2 }, Granule::undelegated, { Hipas::unassigned, Ripas::destroyed });
    Rec rec { space };
    ASSERT_EQ(rec.ipa_state_set(to_ram), Rsi::success);
    ASSERT_TRUE(rec.set_ripas(w.pages, page0, first_frame, first_frame + 4));
    EXPECT_EQ(rec.pending().base, first_frame + 2); // as far as it went
    EXPECT_EQ(rec.set_ripas(w.pages, PageNo { 2 }, first_frame + 2, first_frame + 4), rmi_error_rtt);
    EXPECT_EQ(ripas(w, 2), Ripas::destroyed);
    EXPECT_EQ(rec.enter(false).progress, first_frame + 2);

    ASSERT_EQ(rec.ipa_state_set({ first_frame + 2, first_frame + 4, Ripas::ram, true }), Rsi::success);
    ASSERT_TRUE(rec.set_ripas(w.pages, PageNo { 2 }, first_frame + 2, first_frame + 4));
    EXPECT_EQ(ripas(w, 2), Ripas::ram);
    EXPECT_EQ(ripas(w, 3), Ripas::ram);
}

TEST(Rec, EmptyLeavesTheGranuleAssignedUntilTheHostDestroysIt)
{
    World w { 4 };
    w.put(page0, Granule::data, { Hipas::assigned, Ripas::ram });
    Rec rec { space };
    ASSERT_EQ(rec.ipa_state_set(to_empty), Rsi::success);
    ASSERT_TRUE(rec.set_ripas(w.pages, page0, first_frame, first_frame + 1));
    EXPECT_EQ(w.page(page0).entry, (Entry { Hipas::assigned, Ripas::empty }));
    ASSERT_TRUE(data_destroy(w.pages, page0, first_frame, space));
    EXPECT_EQ(w.page(page0).entry, (Entry { Hipas::unassigned, Ripas::empty })); // not DESTROYED
}
