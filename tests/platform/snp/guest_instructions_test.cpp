// PVALIDATE and RMPADJUST: every state, every refusal, and 2 MiB.

#include "world.hpp"

namespace gmem::platform::snp {
namespace {

constexpr PageNo page0 { 0 };
constexpr Executes us { our_asid, 0x100 };
constexpr Fault foreign { Fault::What::nested_page_fault, error_bit::rmp | error_bit::guest_enc };
constexpr Fault size_mismatch { Fault::What::nested_page_fault, error_bit::rmp | error_bit::guest_enc | error_bit::guest_sizem };

void large_page(World &w, bool validated)
{
    ASSERT_EQ(rmpupdate(w.rmp(), page0, NewState::guests(our_asid, 0x400, false, PageSize::large)), Eax::success);
    if (validated)
        ASSERT_EQ(pvalidate(w.rmp(), page0, { our_asid, 0x400 }, PageSize::large, Validate::validate), Executed {});
}

TEST(Pvalidate, FromEachState)
{
    for (auto const s : all_states)
        for (auto const to : { Validate::validate, Validate::rescind }) {
            World w { 1 };
            auto const before { example_of(s) };
            w.set(0, before);
            auto const got { pvalidate(w.rmp(), page0, us, PageSize::small, to) };
            if (s != PageState::guest_invalid && s != PageState::guest_valid) {
                EXPECT_EQ(got, (Executed { .fault = foreign })) << row_of(s).name;
                EXPECT_EQ(w.entry(0), before);
                continue;
            }
            auto const same { (s == PageState::guest_valid) == (to == Validate::validate) };
            EXPECT_EQ(got, (Executed { .carry = same })) << row_of(s).name; // EAX 0 and CF: nothing changed
            EXPECT_EQ(w.state(0), to == Validate::validate ? "GUEST_VALID" : "GUEST_INVALID");
            EXPECT_EQ(w.entry(0).permissions, before.permissions);
        }
}

TEST(Pvalidate, TwiceSetsTheCarryFlag)
{
    World w { 1 };
    w.set(0, example_of(PageState::guest_invalid));
    EXPECT_FALSE(pvalidate(w.rmp(), page0, us, PageSize::small, Validate::validate).carry);
    EXPECT_TRUE(pvalidate(w.rmp(), page0, us, PageSize::small, Validate::validate).carry);
}

TEST(Pvalidate, OnlyTheGuestThatHasThePageWhereItHasIt)
{
    World w { 1 };
    w.set(0, example_of(PageState::guest_invalid));
    EXPECT_EQ(pvalidate(w.rmp(), page0, { other_asid, 0x100 }, PageSize::small, Validate::validate).fault, foreign);
    EXPECT_EQ(pvalidate(w.rmp(), page0, { our_asid, 0x101 }, PageSize::small, Validate::validate).fault, foreign);
    EXPECT_EQ(pvalidate(w.rmp(), page0, { our_asid, 0x100, 1 }, PageSize::small, Validate::validate).fault.what, Fault::What::general_protection);
    EXPECT_EQ(pvalidate(w.rmp(), PageNo { 1 }, us, PageSize::small, Validate::validate).eax, Eax::fail_input);
    EXPECT_EQ(w.state(0), "GUEST_INVALID");
}

TEST(Pvalidate, SizesMustBeTheEntrys)
{
    World w { 1024 };
    large_page(w, false);
    EXPECT_EQ(pvalidate(w.rmp(), PageNo { 3 }, { our_asid, 0x403 }, PageSize::small, Validate::validate).fault, size_mismatch); // the host does PSMASH and resumes
    EXPECT_EQ(pvalidate(w.rmp(), PageNo { 3 }, { our_asid, 0x403 }, PageSize::large, Validate::validate).eax, Eax::fail_input); // not aligned
    EXPECT_EQ(w.state(3), "GUEST_INVALID");
    EXPECT_EQ(pvalidate(w.rmp(), page0, { our_asid, 0x400 }, PageSize::large, Validate::validate), Executed {});
    EXPECT_TRUE(pvalidate(w.rmp(), page0, { our_asid, 0x400 }, PageSize::large, Validate::validate).carry);
    EXPECT_EQ(w.state(511), "GUEST_VALID");
    ASSERT_EQ(psmash(w.rmp(), page0), Eax::success);
    EXPECT_EQ(pvalidate(w.rmp(), page0, { our_asid, 0x400 }, PageSize::large, Validate::rescind).eax, Eax::fail_sizemismatch);
    EXPECT_EQ(pvalidate(w.rmp(), page0, { our_asid, 0x400, 0, PageSize::large }, PageSize::small, Validate::rescind).fault, size_mismatch); // the nested page table's size
    EXPECT_EQ(pvalidate(w.rmp(), PageNo { 3 }, { our_asid, 0x403 }, PageSize::small, Validate::rescind), Executed {});
    EXPECT_EQ(w.state(3), "GUEST_INVALID");
    EXPECT_EQ(w.state(4), "GUEST_VALID");
    EXPECT_TRUE(w.healthy());
}

TEST(Rmpadjust, FromEachState)
{
    for (auto const s : all_states) {
        World w { 1 };
        auto const before { example_of(s) };
        w.set(0, before);
        auto const got { rmpadjust(w.rmp(), page0, us, PageSize::small, { 1, permission::read }) };
        if (s == PageState::guest_valid) {
            EXPECT_EQ(got, Executed {});
            EXPECT_EQ(w.entry(0).permissions, (Permissions { 31, 1, 0, 0 }));
            continue;
        }
        auto const wanted { s == PageState::guest_invalid ? Fault { Fault::What::vmm_communication, vc_page_not_validated } : foreign };
        EXPECT_EQ(got.fault, wanted) << row_of(s).name;
        EXPECT_EQ(w.entry(0), before);
    }
}

TEST(Rmpadjust, GivesToLowerLevelsOnlyWhatItHas)
{
    World w { 1 };
    w.set(0, example_of(PageState::guest_valid));
    auto const adjust { [&w](std::uint8_t by, Adjustment to) { return rmpadjust(w.rmp(), page0, { our_asid, 0x100, by }, PageSize::small, to).eax; } };
    EXPECT_EQ(adjust(0, { 0, 1 }), Eax::fail_permission); // itself
    EXPECT_EQ(adjust(0, { 4, 1 }), Eax::fail_input);
    EXPECT_EQ(adjust(4, { 5, 1 }), Eax::fail_input);
    EXPECT_EQ(adjust(0, { 1, 32 }), Eax::fail_input);
    EXPECT_EQ(adjust(0, { 1, 3 }), Eax::success);
    EXPECT_EQ(adjust(1, { 0, 1 }), Eax::fail_permission);
    EXPECT_EQ(adjust(1, { 2, 4 }), Eax::fail_permission); // VMPL1 may not execute
    EXPECT_EQ(adjust(1, { 2, 2 }), Eax::success);
    EXPECT_EQ(adjust(2, { 3, 1 }), Eax::fail_permission);
    EXPECT_EQ(adjust(1, { 2, 0, true }), Eax::fail_permission); // VMSA
    EXPECT_EQ(w.entry(0).permissions, (Permissions { 31, 3, 2, 0 }));
    EXPECT_FALSE(w.entry(0).vmsa);
    EXPECT_EQ(adjust(0, { 1, 0, true }), Eax::success);
    EXPECT_TRUE(w.entry(0).vmsa);
    EXPECT_EQ(adjust(1, { 2, 0 }), Eax::success);
    EXPECT_TRUE(w.entry(0).vmsa); // not VMPL1's to clear
    EXPECT_EQ(adjust(0, { 1, 0 }), Eax::success);
    EXPECT_FALSE(w.entry(0).vmsa);
    EXPECT_TRUE(w.healthy());
}

TEST(Rmpadjust, SizesAreAsForPvalidate)
{
    World w { 512 };
    large_page(w, true);
    EXPECT_EQ(rmpadjust(w.rmp(), PageNo { 3 }, { our_asid, 0x403 }, PageSize::small, { 1, 1 }).fault, size_mismatch);
    EXPECT_EQ(rmpadjust(w.rmp(), page0, { our_asid, 0x400 }, PageSize::large, { 1, 1, true }).eax, Eax::fail_input); // no VMSA of 2 MiB
    EXPECT_EQ(rmpadjust(w.rmp(), page0, { our_asid, 0x400 }, PageSize::large, { 1, 1 }), Executed {});
    EXPECT_EQ(w.entry(511).permissions[1], 1);
    EXPECT_TRUE(w.healthy());
    ASSERT_EQ(psmash(w.rmp(), page0), Eax::success);
    EXPECT_EQ(rmpadjust(w.rmp(), page0, { our_asid, 0x400 }, PageSize::large, { 1, 1 }).eax, Eax::fail_sizemismatch);
    EXPECT_EQ(rmpadjust(w.rmp(), page0, { other_asid, 0x400 }, PageSize::small, { 1, 1 }).fault, foreign);
}

} // namespace
} // namespace gmem::platform::snp
