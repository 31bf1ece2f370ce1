// RMPUPDATE, PSMASH, RMPREAD and the firmware's page commands: every state, legal and illegal.

#include "platform/snp/firmware_pages.hpp"
#include "platform/snp/transitions.hpp"
#include "world.hpp"

namespace gmem::platform::snp {
namespace {

constexpr PageNo page0 { 0 };

struct Target final {
    char const *name;
    NewState to;
};
Target const targets[] {
    { "HYPERVISOR", NewState::shared() },
    { "RECLAIM", { .assigned = true } },
    { "FIRMWARE", { .assigned = true, .immutable = true } },
    { "PRE_GUEST", NewState::guests(our_asid, 0x200, true) },
    { "GUEST_INVALID", NewState::guests(our_asid, 0x200, false) },
};

TEST(Rmpupdate, FromEachStateToEachTarget)
{
    for (auto const from : all_states)
        for (auto const &target : targets) {
            World w { 4 };
            auto const before { example_of(from) };
            w.set(0, before);
            auto const is_immutable { before.immutable };
            EXPECT_EQ(rmpupdate(w.rmp(), page0, target.to), is_immutable ? Eax::fail_permission : Eax::success) << row_of(from).name << " to " << target.name;
            if (is_immutable)
                EXPECT_EQ(w.entry(0), before);
            else
                EXPECT_EQ(w.state(0), target.name) << "from " << row_of(from).name;
            EXPECT_TRUE(w.healthy());
        }
}

TEST(Rmpupdate, NeverKeepsValidatedVmsaOrPermissions)
{
    World w { 1 };
    auto e { example_of(PageState::guest_valid) };
    e.vmsa = true;
    e.permissions = { 31, 7, 3, 1 };
    w.set(0, e);
    // The very same gpa and asid again.
    EXPECT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(e.asid, e.frame, false)), Eax::success);
    EXPECT_EQ(w.entry(0), example_of(PageState::guest_invalid));
}

TEST(Rmpupdate, RefusesWhatDoesNotExist)
{
    World w { 1024 };
    auto const asked { [&w](std::uint64_t p, NewState const &to) { return rmpupdate(w.rmp(), PageNo { p }, to); } };
    EXPECT_EQ(asked(1024, NewState::shared()), Eax::fail_input);
    EXPECT_EQ(asked(0, NewState::guests(most_asid + 1, 1, false)), Eax::fail_input);
    EXPECT_EQ(asked(0, NewState::guests(1, most_frame + 1, false)), Eax::fail_input);
    EXPECT_EQ(asked(0, NewState::guests(1, no_frame, false)), Eax::fail_input);
    EXPECT_EQ(asked(0, { .assigned = false, .asid = 1 }), Eax::fail_input);
    EXPECT_EQ(asked(0, { .assigned = false, .immutable = true }), Eax::fail_input);          // HV_FIXED is the firmware's to make
    EXPECT_EQ(asked(0, { .assigned = true, .immutable = true, .frame = 1 }), Eax::fail_input); // and METADATA
    EXPECT_EQ(asked(1, NewState::guests(1, 512, false, PageSize::large)), Eax::fail_input);
    EXPECT_EQ(asked(0, NewState::guests(1, 513, false, PageSize::large)), Eax::fail_input);
    EXPECT_EQ(asked(513, NewState::guests(1, 512, false, PageSize::large)), Eax::fail_input);
    for (std::uint64_t p { 0 }; p < 1024; ++p)
        ASSERT_EQ(w.records[p], Record {});
}

TEST(Rmpupdate, ALargePageNeedsAllOfItsMemoryInTheFile)
{
    World w { 600 };
    EXPECT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(1, 512, false, PageSize::large)), Eax::success);
    EXPECT_EQ(rmpupdate(w.rmp(), PageNo { 512 }, NewState::guests(1, 512, false, PageSize::large)), Eax::fail_input);
    World crooked { 1024, 0x100000 + 12 }; // aligned is the machine's memory, not the file
    EXPECT_EQ(rmpupdate(crooked.rmp(), page0, NewState::guests(1, 512, false, PageSize::large)), Eax::fail_input);
    EXPECT_EQ(rmpupdate(crooked.rmp(), PageNo { 500 }, NewState::guests(1, 512, false, PageSize::large)), Eax::success);
    EXPECT_TRUE(crooked.healthy());
}

TEST(Rmpupdate, ALockedEntryIsInUse)
{
    World w { 512 };
    w.set(77, { .lock = true });
    EXPECT_EQ(rmpupdate(w.rmp(), PageNo { 77 }, NewState::guests(1, 1, false)), Eax::fail_inuse);
    EXPECT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(1, 512, false, PageSize::large)), Eax::fail_inuse);
    EXPECT_EQ(rmpupdate(w.rmp(), PageNo { 76 }, NewState::guests(1, 1, false)), Eax::success);
}

TEST(Rmpupdate, SizesMayNotOverlap)
{
    for (auto const in_use : { PageState::reclaim, PageState::hv_fixed, PageState::guest_invalid, PageState::guest_valid, PageState::pre_guest }) {
        World w { 1024 };
        w.set(9, example_of(in_use));
        EXPECT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0, false, PageSize::large)), Eax::fail_overlap) << row_of(in_use).name;
        EXPECT_EQ(rmpupdate(w.rmp(), page0, NewState::shared(PageSize::large)), Eax::fail_overlap);
    }
    World w { 1024 };
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x400, false, PageSize::large)), Eax::success);
    for (std::uint64_t const p : { 0u, 1u, 511u })
        EXPECT_EQ(rmpupdate(w.rmp(), PageNo { p }, NewState::shared()), Eax::fail_overlap) << p;
    EXPECT_EQ(rmpupdate(w.rmp(), PageNo { 512 }, NewState::guests(our_asid, 0x600, false)), Eax::success);
    EXPECT_EQ(rmpupdate(w.rmp(), page0, NewState::shared(PageSize::large)), Eax::success);
    for (std::uint64_t p { 0 }; p < 512; ++p)
        ASSERT_EQ(w.records[p], Record {}) << p;
}

TEST(Rmpupdate, ALargePageOfNobodyHasNoGpaAnywhere)
{
    for (auto const immutable : { false, true }) {
        World w { 512 };
        ASSERT_EQ(rmpupdate(w.rmp(), page0, { .assigned = true, .size = PageSize::large, .immutable = immutable }), Eax::success);
        for (std::uint64_t p { 0 }; p < 512; ++p)
            ASSERT_EQ(w.state(p), immutable ? "FIRMWARE" : "RECLAIM") << p;
        EXPECT_TRUE(w.healthy());
    }
}

TEST(Psmash, KeepsEverythingButTheSize)
{
    World w { 1024 };
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x400, false, PageSize::large)), Eax::success);
    ASSERT_EQ(pvalidate(w.rmp(), page0, { our_asid, 0x400 }, PageSize::large, Validate::validate), Executed {});
    EXPECT_EQ(psmash(w.rmp(), PageNo { 1 }), Eax::fail_input);   // not its first page
    EXPECT_EQ(psmash(w.rmp(), PageNo { 512 }), Eax::fail_input); // no 2 MiB entry
    w.set(3, [&] { auto e { w.entry(3) }; e.lock = true; return e; }());
    EXPECT_EQ(psmash(w.rmp(), page0), Eax::fail_inuse);
    w.set(3, [&] { auto e { w.entry(3) }; e.lock = false; return e; }());
    EXPECT_EQ(psmash(w.rmp(), page0), Eax::success);
    for (std::uint64_t p { 0 }; p < 512; ++p)
        ASSERT_EQ(w.entry(p), example_of(PageState::guest_valid, our_asid, 0x400 + p));
    EXPECT_EQ(psmash(w.rmp(), page0), Eax::fail_input); // twice
    EXPECT_TRUE(w.healthy());
}

TEST(Psmash, AnImmutableEntryStays)
{
    World w { 512 };
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x400, true, PageSize::large)), Eax::success);
    EXPECT_EQ(psmash(w.rmp(), page0), Eax::fail_permission);
    EXPECT_TRUE(w.entry(0).large);
}

TEST(Rmpread, TellsTheFieldsOfTheVendorsInterface)
{
    World w { 512 };
    ASSERT_EQ(rmpupdate(w.rmp(), PageNo { 5 }, NewState::guests(our_asid, 0x123, true)), Eax::success);
    EXPECT_EQ(rmpread(w.rmp(), PageNo { 5 }), (RmpReadResult { 0x123000, true, PageSize::small, true, true, our_asid }));
    EXPECT_EQ(rmpread(w.rmp(), page0), (RmpReadResult { 0, false, PageSize::small, true, false, 0 }));
    World large { 512 };
    EXPECT_EQ(rmpread(large.rmp(), page0), (RmpReadResult { 0, false, PageSize::small, false, false, 0 }));
    ASSERT_EQ(rmpupdate(large.rmp(), page0, NewState::guests(our_asid, 0x200, false, PageSize::large)), Eax::success);
    EXPECT_EQ(rmpread(large.rmp(), PageNo { 2 }), (RmpReadResult { 0x202000, true, PageSize::large, false, false, our_asid }));
}

TEST(PageReclaim, FromEachState)
{
    constexpr auto refused { "" };
    constexpr std::array<char const *, page_states> after { "HYPERVISOR", refused, "RECLAIM", "RECLAIM", refused, "RECLAIM", "GUEST_INVALID", "GUEST_VALID",
        "GUEST_INVALID", "GUEST_VALID" };
    for (auto const s : all_states) {
        World w { 1 };
        w.set(0, example_of(s));
        std::string const wanted { after[static_cast<std::size_t>(s)] };
        EXPECT_EQ(page_reclaim(w.rmp(), page0, PageSize::small), wanted.empty() ? Firmware::invalid_page_state : Firmware::success) << row_of(s).name;
        EXPECT_EQ(w.state(0), wanted.empty() ? row_of(s).name : wanted);
    }
}

TEST(PageReclaim, LooksAtAddressAndSize)
{
    World w { 600 };
    EXPECT_EQ(page_reclaim(w.rmp(), PageNo { 600 }, PageSize::small), Firmware::invalid_address);
    EXPECT_EQ(page_reclaim(w.rmp(), PageNo { 1 }, PageSize::large), Firmware::invalid_address);
    EXPECT_EQ(page_reclaim(w.rmp(), PageNo { 512 }, PageSize::large), Firmware::invalid_address);
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x200, true, PageSize::large)), Eax::success);
    EXPECT_EQ(page_reclaim(w.rmp(), page0, PageSize::small), Firmware::invalid_page_size);
    EXPECT_EQ(page_reclaim(w.rmp(), page0, PageSize::large), Firmware::success);
    EXPECT_EQ(w.state(511), "GUEST_INVALID");
    EXPECT_TRUE(w.healthy());
}

TEST(PageUnsmash, IsPsmashBackwards)
{
    World w { 1024 };
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x400, false, PageSize::large)), Eax::success);
    EXPECT_EQ(page_unsmash(w.rmp(), page0), Firmware::invalid_page_size);
    auto const before { w.records };
    ASSERT_EQ(psmash(w.rmp(), page0), Eax::success);
    EXPECT_EQ(page_unsmash(w.rmp(), PageNo { 1 }), Firmware::invalid_address);
    EXPECT_EQ(page_unsmash(w.rmp(), PageNo { 512 }), Firmware::invalid_page_state); // the hypervisor's
    EXPECT_EQ(page_unsmash(w.rmp(), page0), Firmware::success);
    EXPECT_EQ(w.records, before);
}

TEST(PageUnsmash, TheFiveHundredAndTwelveMustBeAlike)
{
    auto const after { [](auto const &change) {
        World w { 512 };
        for (std::uint64_t p { 0 }; p < 512; ++p)
            w.set(p, example_of(PageState::guest_valid, our_asid, 0x400 + p));
        change(w);
        auto const before { w.records };
        auto const answer { page_unsmash(w.rmp(), page0) };
        EXPECT_TRUE(answer == Firmware::success || w.records == before);
        return answer;
    } };
    auto const with { [](RmpEntry e, auto const &change) { change(e); return e; } };
    EXPECT_EQ(after([](auto &) {}), Firmware::success);
    EXPECT_EQ(after([&](auto &w) { w.set(511, example_of(PageState::guest_invalid, our_asid, 0x400 + 511)); }), Firmware::invalid_page_state);
    EXPECT_EQ(after([&](auto &w) { w.set(300, example_of(PageState::guest_valid, other_asid, 0x400 + 300)); }), Firmware::invalid_page_state);
    EXPECT_EQ(after([&](auto &w) { w.set(300, example_of(PageState::guest_valid, our_asid, 0x400 + 301)); }), Firmware::invalid_page_state);
    EXPECT_EQ(after([&](auto &w) { w.set(300, with(w.entry(300), [](auto &e) { e.permissions[1] = 1; })); }), Firmware::invalid_page_state);
    EXPECT_EQ(after([&](auto &w) { w.set(0, with(w.entry(0), [](auto &e) { e.vmsa = true; })); }), Firmware::invalid_page_state);
    EXPECT_EQ(after([&](auto &w) {
        for (std::uint64_t p { 0 }; p < 512; ++p)
            w.set(p, with(w.entry(p), [](auto &e) { e.vmsa = true; }));
    }), Firmware::invalid_page_state); // alike, but there is no VMSA of 2 MiB
    EXPECT_EQ(after([&](auto &w) {
        for (std::uint64_t p { 0 }; p < 512; ++p)
            w.set(p, example_of(PageState::guest_valid, our_asid, 0x401 + p));
    }), Firmware::invalid_address);
}

} // namespace
} // namespace gmem::platform::snp
