// Of events that overlap in time nobody knows the order: both are believed, and both that do not overlap are not.

#include "traces.hpp"

using namespace gmem::checker::test;

namespace {

std::string result(Lines const &lines)
{
    auto const v { verdict_of(lines) };
    return v.broken ? v.broken->section : "";
}

Lines const file { "trace from=beginning pins=all in_place=on", "create time=1 duration=1 process=1 thread=1 file=7 size=0x4000 flags=3 private_memory=1 vm=1" };

std::string convert(std::string const &when, int thread, std::string const &rest)
{
    return "convert " + when + " process=1 thread=" + std::to_string(thread) + " file=7 offset=0 size=0x1000 " + rest;
}

TEST(OrderTest, LinesMayStandInAnyOrder)
{
    EXPECT_EQ(result(file + Lines { "access time=30 process=1 thread=1 file=7 offset=0", convert("time=10 duration=5", 1, "to=private") }), "");
    EXPECT_EQ(result(file + Lines { convert("time=40 duration=5", 1, "to=private"), "access time=30 process=1 thread=1 file=7 offset=0" }), "4.1 (2)");
}

TEST(OrderTest, AtOnceEitherMayBeFirst)
{
    Lines const both { file + Lines { convert("time=10 duration=20", 1, "to=private"), convert("time=15 duration=20", 2, "") } };
    EXPECT_EQ(result(both + Lines { "access time=50 duration=1 process=1 thread=1 file=7 offset=0" }), "");
    EXPECT_EQ(result(both + Lines { convert("time=50 duration=1", 1, "result=ENOMEM") }), "");
    Lines const one_by_one { file + Lines { convert("time=10 duration=4", 1, "to=private"), convert("time=15 duration=20", 2, "") } };
    EXPECT_EQ(result(one_by_one + Lines { "access time=50 duration=1 process=1 thread=1 file=7 offset=0" }), "4.1 (2)");
}

TEST(OrderTest, APinAtOnceMayBeInTheWay)
{
    for (auto const *answer : { "to=private", "to=private result=EAGAIN" }) {
        EXPECT_EQ(result(file + Lines { "pin time=12 duration=3 process=1 thread=2 file=7 offset=0 size=0x1000 token=1", convert("time=10 duration=20", 1, answer) }), "");
        EXPECT_EQ(result(file + Lines { "pin time=3 duration=3 process=1 thread=2 file=7 offset=0 size=0x1000 token=1", "unpin time=12 duration=3 process=1 thread=2 file=7 offset=0 size=0x1000 token=1",
                                        convert("time=10 duration=20", 1, answer) }),
                  "");
    }
    EXPECT_EQ(result(file + Lines { "pin time=3 duration=3 process=1 thread=2 file=7 offset=0 size=0x1000 token=1", "unpin time=32 duration=3 process=1 thread=2 file=7 offset=0 size=0x1000 token=1",
                                    convert("time=10 duration=20", 1, "to=private") }),
              "2.2 (14)");
}

// What has no duration was noted after it happened.
TEST(OrderTest, AnInstantMayHaveBeenEarlier)
{
    Lines const back { file + Lines { "release time=5 process=1 thread=2 file=99", convert("time=10 duration=5", 1, "to=private"), convert("time=20 duration=5", 1, "") } };
    EXPECT_EQ(result(back + Lines { "access time=30 process=1 thread=2 file=7 offset=0" }), "");
    EXPECT_EQ(result(back + Lines { "release time=26 process=1 thread=2 file=99", "access time=30 process=1 thread=2 file=7 offset=0" }), "4.1 (2)");
}

TEST(OrderTest, MoreAtOnceThanAnybodyUnderstandsIsBelieved)
{
    auto lines { file };
    for (int i { 0 }; i < 2000; ++i)
        lines.push_back(convert("time=10 duration=1000000", i + 2, i % 2 ? "to=private" : ""));
    EXPECT_EQ(result(lines), "");
}

} // namespace
