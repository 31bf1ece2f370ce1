// What a trace does not show may have been so or so: nobody is accused.

#include "traces.hpp"

using namespace gmem::checker::test;

namespace {

std::string section(Lines const &lines) { return section_of_last(lines); }

Lines const middle { "trace from=middle pins=some in_place=on" };

TEST(MiddleTest, UnknownPagesAreLearned)
{
    Lines const seen { middle + Lines { "access process=1 file=7 offset=0x1000" } };
    EXPECT_EQ(section(seen + Lines { "convert process=1 file=7 offset=0x1000 size=0x1000", "convert process=1 file=7 offset=0x1000 size=0x1000 result=EAGAIN" }), "2.2 (12)");
    EXPECT_EQ(section(seen + Lines { "convert process=1 file=7 offset=0x1000 size=0x1000", "access process=1 file=7 offset=0x1000" }), "");  // it may lie beyond the end
    Lines const known { middle + Lines { "create process=1 file=7 size=0x4000 flags=1 private_memory=1 initial=private", "convert process=1 file=7 offset=0x1000 size=0x1000" } };
    EXPECT_EQ(section(known + Lines { "access process=1 file=7 offset=0x1000" }), "4.1 (2)");
    EXPECT_EQ(section(known + Lines { "access process=1 file=7 offset=0x2000" }), "");
}

TEST(MiddleTest, UnknownPagesMayHaveBeenSoAlready)
{
    EXPECT_EQ(section(middle + Lines { "convert process=1 file=7 offset=0 size=0x2000 to=private result=EAGAIN" }), "");
    EXPECT_EQ(section(middle + Lines { "convert process=1 file=7 offset=0 size=0x2000 to=private" }), "");
    EXPECT_EQ(section(middle + Lines { "convert process=1 file=7 offset=0 size=0x2000 result=EAGAIN" }), "2.5");
    EXPECT_EQ(section(middle + Lines { "convert process=1 file=7 offset=0 size=0x2000 result=EBUSY" }), "2.2");
}

TEST(MiddleTest, TheSizeOfAFileIsAtLeastWhatWasConverted)
{
    Lines const converted { middle + Lines { "convert process=1 file=7 offset=0 size=0x4000 to=private" } };
    EXPECT_EQ(section(converted + Lines { "convert process=1 file=7 offset=0x4000 size=0x1000 to=private result=EINVAL" }), "");
    EXPECT_EQ(section(converted + Lines { "convert process=1 file=7 offset=0x3000 size=0x1000 result=EINVAL" }), "2.2");
}

TEST(MiddleTest, SlotsThatNobodySawMayBeInTheWay)
{
    EXPECT_EQ(section(middle + Lines { "bind process=1 file=7 offset=0 size=0x1000 slot=1 gpa=0 vm=1 result=EEXIST" }), "");
    EXPECT_EQ(section(middle + Lines { "unbind process=1 slot=3 vm=1" }), "");
    EXPECT_EQ(section(middle + Lines { "bind process=1 slot=3 vm=1 flags=4" }), "");
}

TEST(PinTest, GoesWithItsProcess)
{
    auto const two { begun() + Lines { "pin process=2 file=7 offset=0x1000 size=0x1000 token=5" } };
    // Nobody has seen process 2 since: it may have been killed.
    EXPECT_EQ(section(two + Lines { "convert process=1 file=7 offset=0 size=0x4000 to=private" }), "");
    EXPECT_EQ(section(two + Lines { "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000" }), "");
    EXPECT_EQ(section(two + Lines { "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x2000" }), "3.1");
    auto const later { verdict_of(two + Lines { "convert process=1 file=7 offset=0 size=0x4000 to=private", "release process=2 file=7" }) };
    ASSERT_TRUE(later.broken);
    EXPECT_EQ(later.broken->step.line, 4u);
    EXPECT_FALSE(verdict_of(two + Lines { "process process=2", "convert process=1 file=7 offset=0 size=0x4000 to=private", "release process=2 file=7" }).broken);
}

TEST(PinTest, IsNotProlongedByALaterPunch)
{
    auto const two { begun() + Lines { "pin process=2 file=7 offset=0x1000 size=0x1000 token=5" } };
    EXPECT_FALSE(verdict_of(two + Lines { "convert process=1 file=7 offset=0 size=0x4000 to=private", "punch process=1 file=7 offset=0 size=0x4000" }).broken);
}

TEST(PinTest, TwoOfThemAreTwo)
{
    auto const twice { begun() + Lines { "pin process=1 file=7 offset=0 size=0x1000 token=5", "pin process=1 file=7 offset=0 size=0x1000 token=5", "unpin process=1 file=7 offset=0 size=0x1000 token=5" } };
    EXPECT_EQ(section(twice + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private" }), "2.2 (14)");
    EXPECT_EQ(section(twice + Lines { "unpin process=1 file=7 offset=0 size=0x1000 token=5", "convert process=1 file=7 offset=0 size=0x1000 to=private" }), "");
}

TEST(TransientTest, ASilentProcessOrAnOrderedFaultIsAReason)
{
    for (std::string const reason : { "silent_peer", "injected" }) {
        Lines const lines { "trace from=beginning pins=all in_place=on",
                            "create time=1 process=1 file=7 size=0x4000 flags=3 private_memory=1 initial=shared vm=1",
                            reason + " time=15 process=1 file=7",
                            "convert time=10 duration=10 process=1 file=7 offset=0x1000 size=0x2000 to=private result=EAGAIN error_offset=0x1000" };
        EXPECT_EQ(section(lines), "") << reason;
    }
    EXPECT_EQ(section(begun() + Lines { "silent_peer process=1 file=7", "convert process=1 file=7 offset=0 size=0x1000 to=private", "convert process=1 file=7 offset=0x1000 size=0x1000 to=private result=EAGAIN error_offset=0x1000" }), "3.1");
}

TEST(FilesTest, EachHasItsOwnPages)
{
    auto const two { begun() + Lines { "create process=1 file=8 size=0x4000 flags=1 private_memory=1 initial=private vm=1", "pin process=1 file=7 offset=0 size=0x1000 token=1" } };
    EXPECT_EQ(section(two + Lines { "access process=1 file=8 offset=0" }), "");
    EXPECT_EQ(section(two + Lines { "access process=1 file=7 offset=0" }), "4.1 (2)");
    EXPECT_EQ(section(two + Lines { "convert process=2 file=8 offset=0 size=0x4000 to=private result=EAGAIN" }), "2.2 (12)");
}

TEST(FilesTest, AreNotAsLargeInMemoryAsTheySay)
{
    Lines const large { "trace from=beginning pins=all in_place=on", "create process=1 file=7 size=0x7ffffffffffff000 flags=3 private_memory=1 vm=1",
                        "pin process=1 file=7 offset=0x4000000000000000 size=0x1000 token=1" };
    EXPECT_EQ(section(large + Lines { "convert process=1 file=7 offset=0 size=0x7ffffffffffff000 to=private result=EAGAIN error_offset=0x4000000000000000" }), "");
    EXPECT_EQ(section(large + Lines { "convert process=1 file=7 offset=0 size=0x7ffffffffffff000 to=private" }), "2.2 (14)");
}

TEST(SentenceTest, NamesThePageOfTheFile)
{
    auto const v { verdict_of(begun() + Lines { "pin process=1 file=7 offset=0x3000 size=0x1000 token=1", "convert process=1 file=7 offset=0x1000 size=0x3000 to=private" }) };
    ASSERT_TRUE(v.broken);
    EXPECT_EQ(v.broken->sentence, "page 3 is in use, EAGAIN");
}

TEST(VersionsTest, ContentModesAreTheVersions)
{
    Lines const v5 { "trace from=beginning pins=all in_place=on uapi=rfc-v5", "create process=1 file=7 size=0x4000 flags=3 private_memory=1 initial=shared platform=0 vm=1" };
    EXPECT_EQ(section(v5 + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private flags=1 result=EOPNOTSUPP" }), "");
    EXPECT_EQ(section(v5 + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private flags=1" }), "2.6");
    EXPECT_EQ(section(v5 + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private flags=3" }), "2.2 (2)-(10)");
    EXPECT_EQ(section(v5 + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private flags=2" }), "");
}

// docs/profiles.md: --uapi-option no-policy.
TEST(VersionsTest, WhatNoFlagsAreInFebruaryIsNotDecided)
{
    Lines const feb { "trace from=beginning pins=all in_place=on uapi=feb", "create process=1 file=7 size=0x4000 flags=3 private_memory=1 initial=shared platform=0 vm=1" };
    EXPECT_EQ(section(feb + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private result=EINVAL" }), "");
    EXPECT_EQ(section(feb + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private flags=1 result=EINVAL" }), "2.2");
}

} // namespace
