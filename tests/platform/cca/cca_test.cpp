// The platform as KVM's hooks see it.

#include "platform/cca/cca.hpp"

#include "world.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::cca;

namespace {

Cca const side {};
constexpr auto range { PageRange::one(page0) };

GuestVerdict::What guest(World const &w, Side s, std::uint64_t frame = first_frame) { return side.guest_access(w.pages, page0, frame, s, Access::read).what; }

// As a private guest access ends that the guest has prepared for.
void use(World &w)
{
    ASSERT_TRUE(side.make_private(w.pages, page0, first_frame));
    side.accept(w.pages, page0, first_frame);
    ASSERT_EQ(guest(w, Side::private_), GuestVerdict::What::plain);
}

}

TEST(Cca, IsRegistered)
{
    EXPECT_EQ(platform_of(Kind::cca).kind(), Kind::cca);
    EXPECT_TRUE(platform_of(Kind::cca).keeps_records());
    EXPECT_FALSE(platform_of(Kind::cca).encrypts());
}

TEST(Cca, TheFirstPrivateUseGivesZeros)
{
    World w { 1 };
    w.write(page0, 0x42);
    EXPECT_TRUE(side.veto(w.pages, range, Attribute::private_, no_frame));
    ASSERT_TRUE(side.make_private(w.pages, page0, first_frame));
    EXPECT_TRUE(side.held(w.pages.record(page0)));
    EXPECT_EQ(w.value(page0), 0);
    EXPECT_EQ(guest(w, Side::private_), GuestVerdict::What::guest_exception); // EMPTY: not asked for
    side.accept(w.pages, page0, first_frame);
    EXPECT_EQ(guest(w, Side::private_), GuestVerdict::What::plain);
    w.write(page0, 0x77);
    ASSERT_TRUE(side.make_private(w.pages, page0, first_frame)); // idempotent
    EXPECT_EQ(w.value(page0), 0x77);
}

TEST(Cca, WhatCannotBeMapped)
{
    World w { 1 };
    auto const error { [&w](std::uint64_t frame) {
        auto const s { side.make_private(w.pages, page0, frame) };
        return s ? 0 : s.error().err;
    } };
    w.write(page0, 0x42);
    EXPECT_EQ(error(no_frame), EINVAL);
    EXPECT_EQ(w.value(page0), 0x42);
    EXPECT_EQ(error(std::uint64_t { 1 } << 39), ENXIO); // no IPA of a lower half
    EXPECT_EQ(w.pages.record(page0), Record {});
    EXPECT_EQ(w.value(page0), 0); // it was delegated for that, and came back wiped
    use(w);
    EXPECT_EQ(error(first_frame + 1), ENXIO); // mapped elsewhere
    EXPECT_EQ(guest(w, Side::private_), GuestVerdict::What::plain);
    w.put(page0, { Granule::undelegated, Pas::secure, {}, false, {}, 0 });
    EXPECT_EQ(error(first_frame), ENXIO);
}

TEST(Cca, ToSharedTheHostReadsWhatUndelegatingLeft)
{
    for (auto const wiped : { CcaWiped::zeros, CcaWiped::noise }) {
        World w { 1, { .cca_wiped = wiped } };
        use(w);
        w.write(page0, 0xbe);
        EXPECT_FALSE(side.host_access(w.pages, page0, Access::read).allowed());
        side.make_shared(w.pages, range);
        EXPECT_FALSE(side.held(w.pages.record(page0)));
        EXPECT_TRUE(side.host_access(w.pages, page0, Access::read).allowed());
        EXPECT_EQ(w.value(page0), wiped == CcaWiped::zeros ? 0 : -1);
        EXPECT_EQ(guest(w, Side::shared), GuestVerdict::What::plain);
        // The guest's own address of it is gone until the guest asks again.
        EXPECT_EQ(guest(w, Side::private_), GuestVerdict::What::memory_fault);
        ASSERT_TRUE(side.make_private(w.pages, page0, first_frame));
        EXPECT_EQ(guest(w, Side::private_), GuestVerdict::What::memory_fault);
        side.accept(w.pages, page0, first_frame);
        EXPECT_EQ(guest(w, Side::private_), GuestVerdict::What::plain);
        EXPECT_EQ(w.value(page0), 0);
    }
}

TEST(Cca, APageThatWasNeverDelegatedKeepsTheHostsBytes)
{
    World w { 1 };
    w.write(page0, 0x42);
    EXPECT_TRUE(side.host_access(w.pages, page0, Access::read).allowed());
    side.make_shared(w.pages, range);
    EXPECT_EQ(w.value(page0), 0x42);
    EXPECT_EQ(w.pages.record(page0), Record {});
}

TEST(Cca, TheHostThatTouchesARealmsGranuleDoesNotSurviveIt)
{
    for (auto const g : all_granules)
        for (auto const a : { Access::read, Access::write }) {
            World w { 1 };
            w.put(page0, g, g == Granule::data ? Entry { Hipas::assigned, Ripas::ram } : Entry {});
            auto const v { side.host_access(w.pages, page0, a) };
            EXPECT_EQ(v.allowed(), g == Granule::undelegated);
            EXPECT_EQ(v.then, g == Granule::undelegated ? HostVerdict::Then::goes_on : HostVerdict::Then::host_crash);
            EXPECT_STREQ(v.name, g == Granule::undelegated ? "" : "GPF");
            EXPECT_EQ(guest(w, Side::shared), g == Granule::undelegated ? GuestVerdict::What::plain : GuestVerdict::What::memory_fault);
        }
}

TEST(Cca, TheGuestsAccessGoesByHipasAndRipas)
{
    using What = GuestVerdict::What;
    for (auto const h : all_hipas)
        for (auto const r : all_ripas) {
            World w { 1 };
            w.put(page0, h == Hipas::assigned ? Granule::data : Granule::delegated, { h, r });
            auto const expected { r == Ripas::empty ? What::guest_exception : r == Ripas::destroyed ? What::memory_fault : h == Hipas::assigned ? What::plain : What::retry };
            EXPECT_EQ(guest(w, Side::private_), expected);
            EXPECT_EQ(guest(w, Side::private_, first_frame + 1), What::guest_exception); // another IPA, of which nothing is known
        }
    World w { 1 };
    EXPECT_STREQ(side.guest_access(w.pages, page0, first_frame, Side::private_, Access::write).name, "SEA");
}

TEST(Cca, AMemslotThatGoesTakesTheDataWithIt)
{
    World w { 1 };
    use(w);
    w.write(page0, 0xbe);
    side.unmap(w.pages, page0, first_frame + 1); // not that one
    EXPECT_EQ(w.value(page0), 0xbe);
    side.unmap(w.pages, page0, first_frame);
    EXPECT_FALSE(side.held(w.pages.record(page0)));
    EXPECT_EQ(w.value(page0), 0);
    EXPECT_EQ(guest(w, Side::private_), GuestVerdict::What::memory_fault);
    EXPECT_TRUE(side.make_private(w.pages, page0, first_frame + 1)); // wherever it is bound next
}

TEST(Cca, TheAliasGoesWithTheMemslot)
{
    constexpr AddressSpace widest { 52 };
    World w { 1 };
    ASSERT_TRUE(map_unprotected(w.pages, page0, widest.alias_of(first_frame), widest));
    side.unmap(w.pages, page0, first_frame + 1);
    EXPECT_TRUE(w.page(page0).alias);
    side.unmap(w.pages, page0, first_frame);
    EXPECT_EQ(w.pages.record(page0), Record {});
}

TEST(Cca, NothingIsHeldAfterReclaimAndWhatCannotBeGivenBackIsLeaked)
{
    for (auto const g : all_granules)
        for (bool const reclaimed : { true, false }) {
            World w { 1 };
            w.put(page0, g, g == Granule::data ? Entry { Hipas::assigned, Ripas::ram } : Entry {});
            w.write(page0, 0x5a);
            if (reclaimed)
                side.reclaim(w.pages, range);
            else
                side.make_shared(w.pages, range);
            EXPECT_FALSE(side.held(w.pages.record(page0)));
            EXPECT_EQ(w.value(page0), g == Granule::undelegated ? 0x5a : 0);
            EXPECT_EQ(side.audit(w.pages.record(page0)), nullptr);
        }
}

TEST(Cca, EveryStateHasAName)
{
    std::set<std::string> names;
    for (auto const g : all_granules)
        for (auto const r : all_ripas) {
            World w { 1 };
            w.put(page0, g, g == Granule::data ? Entry { Hipas::assigned, r } : Entry { Hipas::unassigned, r });
            names.insert(side.state_name(w.pages.record(page0)));
        }
    EXPECT_EQ(names.size(), 3U * 3U + 4U);
}

TEST(Cca, AuditFindsWhatTheRmmCannotReach)
{
    auto const wrong { [](PageState const &s) {
        Record r {};
        store_record(r, s);
        return side.audit(r) != nullptr;
    } };
    constexpr Entry mapped { Hipas::assigned, Ripas::ram };
    EXPECT_FALSE(wrong({}));
    EXPECT_TRUE(wrong({ Granule { 7 }, Pas::realm, {}, false, {}, 0 }));
    EXPECT_TRUE(wrong({ Granule::undelegated, Pas::realm, {}, false, {}, 0 }));
    EXPECT_TRUE(wrong({ Granule::delegated, Pas::non_secure, {}, false, {}, 0 }));
    EXPECT_TRUE(wrong({ Granule::data, Pas::realm, {}, false, {}, 0 }));
    EXPECT_TRUE(wrong({ Granule::delegated, Pas::realm, mapped, false, {}, 1 }));
    EXPECT_TRUE(wrong({ Granule::undelegated, Pas::non_secure, {}, false, {}, 1 }));
    EXPECT_TRUE(wrong({ Granule::undelegated, Pas::non_secure, { Hipas::unassigned, Ripas { 3 } }, false, {}, 1 }));
    EXPECT_TRUE(wrong({ Granule::undelegated, Pas::non_secure, { Hipas { 2 }, Ripas::ram }, false, {}, 1 }));
    EXPECT_TRUE(wrong({ Granule::undelegated, Pas { 4 }, {}, false, {}, 0 }));
    EXPECT_TRUE(wrong({ Granule::undelegated, Pas::non_secure, {}, false, { 0, 1, 0 }, 0 }));
}
