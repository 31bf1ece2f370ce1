// Every command in every state of granule and entry. The expectations are written from platform-models.md 4.1 and 4.2.

#include "platform/cca/rmi.hpp"

#include "world.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::cca;

namespace {

Cca const side {};

std::map<GranuleCommand, std::pair<Granule, Granule>> const granule_rules {
    { GranuleCommand::delegate, { Granule::undelegated, Granule::delegated } },
    { GranuleCommand::undelegate, { Granule::delegated, Granule::undelegated } },
    { GranuleCommand::realm_create, { Granule::delegated, Granule::rd } },
    { GranuleCommand::realm_destroy, { Granule::rd, Granule::delegated } },
    { GranuleCommand::rec_create, { Granule::delegated, Granule::rec } },
    { GranuleCommand::rec_destroy, { Granule::rec, Granule::delegated } },
    { GranuleCommand::rec_create_aux, { Granule::delegated, Granule::rec_aux } },
    { GranuleCommand::rec_destroy_aux, { Granule::rec_aux, Granule::delegated } },
    { GranuleCommand::rtt_create, { Granule::delegated, Granule::rtt } },
    { GranuleCommand::rtt_destroy, { Granule::rtt, Granule::delegated } },
};

// What an entry becomes; nothing: RMI_ERROR_RTT.
std::optional<Entry> expected(EntryCommand c, Entry e)
{
    auto const mapped { e.hipas == Hipas::assigned };
    auto const with { [&e](Ripas r) { return Entry { e.hipas, r }; } };
    switch (c) {
    case EntryCommand::data_create:
        return !mapped && e.ripas == Ripas::ram ? std::optional { Entry { Hipas::assigned, Ripas::ram } } : std::nullopt;
    case EntryCommand::data_create_unknown:
        return !mapped ? std::optional { Entry { Hipas::assigned, e.ripas } } : std::nullopt;
    case EntryCommand::data_destroy:
        return mapped ? std::optional { Entry { Hipas::unassigned, e.ripas == Ripas::empty ? Ripas::empty : Ripas::destroyed } } : std::nullopt;
    case EntryCommand::init_ripas:
        return !mapped && e.ripas == Ripas::empty ? std::optional { with(Ripas::ram) } : std::nullopt;
    case EntryCommand::set_ram:
        return e.ripas != Ripas::destroyed ? std::optional { with(Ripas::ram) } : std::nullopt;
    case EntryCommand::set_empty:
        return e.ripas != Ripas::destroyed ? std::optional { with(Ripas::empty) } : std::nullopt;
    case EntryCommand::set_ram_destroyed_too:
        return with(Ripas::ram);
    case EntryCommand::set_empty_destroyed_too:
        return with(Ripas::empty);
    }
    return std::nullopt;
}

}

TEST(Rmi, EveryGranuleCommandInEveryState)
{
    ASSERT_EQ(granule_rules.size(), granule_commands);
    for (auto const &[c, rule] : granule_rules)
        for (auto const g : all_granules) {
            SCOPED_TRACE(testing::Message() << static_cast<int>(c) << " in " << static_cast<int>(g));
            World w { 1 };
            w.put(page0, g, g == Granule::data ? Entry { Hipas::assigned, Ripas::ram } : Entry {});
            w.write(page0, 0x5a);
            auto const before { w.page(page0) };
            auto const result { command(w.pages, page0, c) };
            if (g == rule.first) {
                EXPECT_TRUE(result);
                EXPECT_EQ(w.page(page0).granule, rule.second);
                EXPECT_EQ(w.page(page0).pas, rule.second == Granule::undelegated ? Pas::non_secure : Pas::realm);
            } else {
                EXPECT_EQ(result, rmi_error_input);
                EXPECT_EQ(w.page(page0), before);
            }
            // Only giving back wipes: delegating leaves the bytes, unseen.
            EXPECT_EQ(w.value(page0), c == GranuleCommand::undelegate && g == Granule::delegated ? 0 : 0x5a);
            EXPECT_EQ(side.audit(w.pages.record(page0)), nullptr);
        }
}

TEST(Rmi, WhatIsNotTheHostsIsNotDelegated)
{
    for (auto const pas : { Pas::secure, Pas::root }) {
        World w { 1 };
        w.put(page0, { Granule::undelegated, pas, {}, false, {}, 0 });
        EXPECT_EQ(command(w.pages, page0, GranuleCommand::delegate), rmi_error_input);
        EXPECT_EQ(w.page(page0).pas, pas);
        EXPECT_FALSE(side.host_access(w.pages, page0, Access::read).allowed());
    }
}

TEST(Rmi, EveryEntryCommandInEveryEntry)
{
    for (std::size_t i { 0 }; i < entry_commands; ++i)
        for (auto const h : all_hipas)
            for (auto const r : all_ripas) {
                SCOPED_TRACE(testing::Message() << i << " in " << static_cast<int>(h) << '/' << static_cast<int>(r));
                World w { 1 };
                w.put(page0, h == Hipas::assigned ? Granule::data : Granule::delegated, { h, r });
                auto page { w.page(page0) };
                auto const after { expected(static_cast<EntryCommand>(i), { h, r }) };
                EXPECT_EQ(step(page, World::frame_of(page0), static_cast<EntryCommand>(i)), after.has_value());
                EXPECT_EQ(page.entry, after.value_or(Entry { h, r }));
                EXPECT_EQ(page.frame, page.has_entry() ? World::frame_of(page0) : 0);
            }
}

TEST(Rmi, AMappedPageLeavesNoRoomForAnotherIpa)
{
    for (std::size_t i { 0 }; i < entry_commands; ++i) {
        World w { 1 };
        w.put(page0, Granule::data, { Hipas::assigned, Ripas::ram });
        auto page { w.page(page0) };
        EXPECT_FALSE(step(page, first_frame + 9, static_cast<EntryCommand>(i)));
        EXPECT_EQ(page, w.page(page0));
        // Where it is not mapped the page follows its memslot, and the new IPA starts EMPTY.
        w.put(page0, Granule::undelegated, { Hipas::unassigned, Ripas::destroyed });
        page = w.page(page0);
        EXPECT_EQ(step(page, first_frame + 9, static_cast<EntryCommand>(i)), expected(static_cast<EntryCommand>(i), {}).has_value());
    }
}

TEST(Rmi, DataCreateUnknownGivesZerosAndKeepsTheRipas)
{
    for (auto const r : all_ripas) {
        World w { 1 };
        w.put(page0, Granule::delegated, { Hipas::unassigned, r });
        w.write(page0, 0x5a);
        ASSERT_TRUE(data_create_unknown(w.pages, page0, first_frame, space));
        EXPECT_EQ(w.page(page0), (PageState { Granule::data, Pas::realm, { Hipas::assigned, r }, false, {}, first_frame }));
        EXPECT_EQ(w.value(page0), 0);
    }
}

TEST(Rmi, DataCreateUnknownIsRefused)
{
    for (auto const g : all_granules) {
        if (g == Granule::delegated)
            continue;
        World w { 1 };
        w.put(page0, g, g == Granule::data ? Entry { Hipas::assigned, Ripas::ram } : Entry {});
        w.write(page0, 0x5a);
        auto const before { w.page(page0) };
        EXPECT_EQ(data_create_unknown(w.pages, page0, first_frame, space), rmi_error_input);
        EXPECT_EQ(w.page(page0), before);
        EXPECT_EQ(w.value(page0), 0x5a);
    }
    World w { 1 };
    w.put(page0, Granule::delegated);
    EXPECT_EQ(data_create_unknown(w.pages, page0, space.alias_of(first_frame), space), rmi_error_input);
    EXPECT_EQ(data_create_unknown(w.pages, page0, space.frames(), space), rmi_error_input);
    EXPECT_EQ(w.page(page0).granule, Granule::delegated);
}

TEST(Rmi, DataDestroyLeavesADelegatedGranuleAndAnIpaThatKnows)
{
    for (auto const r : all_ripas) {
        World w { 1 };
        w.put(page0, Granule::data, { Hipas::assigned, r });
        EXPECT_EQ(data_destroy(w.pages, page0, first_frame + 1, space), rmi_error_rtt);
        EXPECT_EQ(data_destroy(w.pages, page0, space.alias_of(first_frame), space), rmi_error_input);
        ASSERT_TRUE(data_destroy(w.pages, page0, first_frame, space));
        EXPECT_EQ(w.page(page0).granule, Granule::delegated);
        EXPECT_EQ(w.page(page0).entry, (Entry { Hipas::unassigned, r == Ripas::empty ? Ripas::empty : Ripas::destroyed }));
        auto const again { data_destroy(w.pages, page0, first_frame, space) };
        EXPECT_EQ(again, rmi_error_rtt);
        EXPECT_EQ(again.value(), 0x304U); // RMI_ERROR_RTT at level 3
        EXPECT_FALSE(side.host_access(w.pages, page0, Access::read).allowed());
    }
}

TEST(Rmi, TheUpperHalfIsMappedApart)
{
    World w { 1 };
    auto const alias { space.alias_of(first_frame) };
    EXPECT_EQ(map_unprotected(w.pages, page0, first_frame, space), rmi_error_input);
    EXPECT_EQ(map_unprotected(w.pages, page0, space.frames() + first_frame, space), rmi_error_input);
    EXPECT_EQ(unmap_unprotected(w.pages, page0, alias, space), rmi_error_rtt);
    ASSERT_TRUE(map_unprotected(w.pages, page0, alias, space));
    EXPECT_TRUE(w.page(page0).alias);
    EXPECT_EQ(map_unprotected(w.pages, page0, alias, space), rmi_error_rtt);
    EXPECT_EQ(unmap_unprotected(w.pages, page0, alias + 1, space), rmi_error_rtt);
    ASSERT_TRUE(unmap_unprotected(w.pages, page0, alias, space));
    EXPECT_EQ(w.pages.record(page0), Record {});
    // Beside an entry of the lower half, which stays.
    w.put(page0, Granule::undelegated, { Hipas::unassigned, Ripas::ram });
    ASSERT_TRUE(map_unprotected(w.pages, page0, alias, space));
    EXPECT_EQ(w.page(page0).entry.ripas, Ripas::ram);
    EXPECT_EQ(unmap_unprotected(w.pages, page0, first_frame, space), rmi_error_input);
    // Elsewhere while the page is mapped below: there is no room.
    w.put(page0, Granule::data, { Hipas::assigned, Ripas::ram });
    EXPECT_EQ(map_unprotected(w.pages, page0, alias + 1, space), rmi_error_rtt);
}

TEST(Rmi, NoiseIsNeitherTheOldBytesNorTheSameTwiceNorChance)
{
    auto const undelegated { [](World &w, PageNo p, unsigned char before) {
        w.put(p, Granule::delegated);
        w.write(p, before);
        EXPECT_TRUE(command(w.pages, p, GranuleCommand::undelegate));
        return std::vector<std::byte>(w.pages.page(p), w.pages.page(p) + page_size);
    } };
    World w { 2, { .cca_wiped = CcaWiped::noise } };
    auto const first { undelegated(w, page0, 0x5a) };
    EXPECT_EQ(first, undelegated(w, page0, 0x33)); // of the key and the page only
    EXPECT_NE(first, undelegated(w, page1, 0x5a));
    w.vm->key[5] = std::byte { 0x22 };
    EXPECT_NE(first, undelegated(w, page0, 0x5a));
    w.vm->key[5] = std::byte { 0x21 };

    // Not even a page that holds just that noise comes back as it was.
    std::memcpy(w.pages.page(page0), first.data(), page_size);
    w.put(page0, Granule::delegated);
    ASSERT_TRUE(command(w.pages, page0, GranuleCommand::undelegate));
    for (std::size_t i { 0 }; i < page_size; i += 8)
        EXPECT_NE(std::memcmp(w.pages.page(page0) + i, first.data() + i, 8), 0);
}
