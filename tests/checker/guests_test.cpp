// Of what a guest meets a trace often does not know enough: then nobody is accused.

#include "traces.hpp"

using namespace gmem::checker::test;

namespace {

std::string section(Lines const &lines) { return section_of_last(lines); }

Lines const slot { "bind process=1 file=7 offset=0 size=0x4000 slot=1 gpa=0x10000 vm=1" };
std::string const for_nothing { "memory_fault process=1 gpa=0x11000 size=0x1000 vm=1 result=EFAULT" };

Lines version(std::string const &uapi, std::string const &platform)
{
    return { "trace from=beginning pins=all effects=all in_place=on uapi=" + uapi, "create process=1 file=7 size=0x4000 flags=3 private_memory=1 initial=shared platform=" + platform + " vm=1" };
}

TEST(FaultTest, ThatDiffersFromThePageIsBelieved)
{
    for (std::string const platform : { "sw_protected", "snp", "tdx", "pkvm", "cca" }) {
        auto const seen { version("mainline", platform) + slot };
        EXPECT_EQ(section(seen + Lines { "memory_fault process=1 gpa=0x11000 size=0x1000 flags=8 vm=1 result=EFAULT" }), "") << platform;
        EXPECT_EQ(section(seen + Lines { for_nothing }), platform == "cca" ? "" : "4.2") << platform; // a realm's RIPAS change
    }
}

TEST(FaultTest, AtAPlaceThatNobodyKnowsIsBelieved)
{
    EXPECT_EQ(section(begun() + slot + Lines { for_nothing }), "4.2");
    EXPECT_EQ(section(begun() + Lines { for_nothing }), "");
    EXPECT_EQ(section(begun() + slot + Lines { "unbind process=1 file=7 slot=1 gpa=0x10000 vm=1", for_nothing }), "");
    EXPECT_EQ(section(begun() + slot + Lines { "release process=1 file=7", for_nothing }), "");
    EXPECT_EQ(section(begun() + slot + Lines { "memory_fault process=1 gpa=0x15000 size=0x1000 vm=1 result=EFAULT" }), "");
    EXPECT_EQ(section(begun() + slot + Lines { "memory_fault process=1 gpa=0x11000 size=0x1000 vm=1 result=EHWPOISON" }), "");
    EXPECT_EQ(section(begun() + slot + Lines { "memory_fault process=1 gpa=0x11000 size=0x1000 vm=2 result=EFAULT" }), "");
    EXPECT_EQ(section({ "trace in_place=on", slot[0], for_nothing }), "");
    EXPECT_EQ(section({ "trace from=beginning in_place=off", "create process=1 file=7 size=0x4000 flags=1 private_memory=1 initial=private vm=1", slot[0],
                        "memory_fault process=1 gpa=0x11000 size=0x1000 flags=8 vm=1 result=EFAULT" }),
              "");
}

TEST(FaultTest, WithAReasonInTheTraceIsBelieved)
{
    EXPECT_EQ(section(begun() + slot + Lines { "injected process=1 fault=7", for_nothing }), "");
    EXPECT_EQ(section(begun() + slot + Lines { "guest_access process=1 file=7 offset=0x1000 size=0x1000 gpa=0x11000 result=EFAULT", for_nothing }), "");
    EXPECT_EQ(section(begun() + slot + Lines { "injected process=1 fault=7", for_nothing, for_nothing }), "4.2"); // one exit each
    EXPECT_EQ(section(begun() + slot + Lines { "injected process=2 fault=7", for_nothing }), "4.2");
    EXPECT_EQ(section(version("rfc-v5", "snp") + slot + Lines { for_nothing }), "");
    Lines const launched { "launch process=1 step=snp_start vm=1", "launch process=1 step=snp_finish vm=1" };
    EXPECT_EQ(section(version("rfc-v5", "snp") + slot + launched + Lines { for_nothing }), "4.2");
    EXPECT_EQ(section(version("rfc-v5", "snp") + slot + Lines { launched[0], for_nothing }), "");
}

// The page, the slot or the file may have been another when the guest met it: whichever of the two began first.
TEST(FaultTest, WhileSomethingChangesIsBelieved)
{
    auto const fault { [](std::string const &what, std::string const &flags) {
        auto const v { verdict_of({ "trace from=beginning pins=all in_place=on", "create time=1 duration=1 process=1 thread=1 file=7 size=0x4000 flags=3 private_memory=1 initial=shared vm=1",
                                    "bind time=3 duration=1 process=1 thread=1 file=7 offset=0 size=0x4000 slot=1 gpa=0x10000 vm=1", what,
                                    "memory_fault time=25 duration=4 process=1 thread=2 gpa=0x11000 size=0x1000 vm=1 result=EFAULT flags=" + flags }) };
        return v.broken ? v.broken->section : "";
    } };
    EXPECT_EQ(fault("release time=10 process=1 thread=1 file=99", "0"), "4.2");
    for (std::string const when : { "time=20 duration=10", "time=26 duration=10" })
        for (std::string const flags : { "0", "8" }) {
            EXPECT_EQ(fault("convert " + when + " process=1 thread=1 file=7 offset=0 size=0x4000 to=private", flags), "") << when << flags;
            EXPECT_EQ(fault("unbind " + when + " process=1 thread=1 file=7 slot=1 gpa=0x10000 vm=1", flags), "") << when << flags;
            EXPECT_EQ(fault("release " + when + " process=1 thread=1 file=7", flags), "") << when << flags;
        }
    EXPECT_EQ(fault("convert time=20 duration=10 process=1 thread=1 file=7 offset=0x2000 size=0x2000 to=private", "0"), "4.2");
}

// gmem numbers the VMs of each process.
TEST(VmTest, OfTwoProcessesAreTwo)
{
    auto const vms { [](std::string const &order) {
        return Lines { "trace from=beginning pins=all in_place=on order=" + order, "create event=1 process=1 file=7 size=0x4000 flags=3 private_memory=1 initial=shared vm=1",
                       "create event=2 process=2 file=8 size=0x4000 flags=3 private_memory=1 initial=shared vm=1", "bind event=3 process=1 file=7 offset=0 size=0x4000 slot=1 gpa=0x10000 vm=1",
                       "bind event=4 process=2 file=8 offset=0 size=0x4000 slot=1 gpa=0x10000 vm=1" };
    } };
    EXPECT_EQ(section(vms("effects")), "");
    EXPECT_EQ(section(vms("lines")), "6.1");
}

TEST(EffectTest, OfWhichTheTraceSaysNothingIsBelieved)
{
    Lines const v5 { "trace from=beginning pins=all in_place=on uapi=rfc-v5", "create process=1 file=7 size=0x4000 flags=3 private_memory=1 initial=shared vm=1" };
    EXPECT_EQ(section(v5 + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private" }), "");
    EXPECT_EQ(section(v5 + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private effect=scramble" }), "");
    EXPECT_EQ(section(v5 + Lines { "convert process=1 file=7 offset=0 size=0x1000 to=private effect=zero" }), "2.6");
}

// Who completes it knows what is to be done and not which mode was asked for.
TEST(EffectTest, OfAConversionThatAnotherBeganIsAnyModes)
{
    auto const private_ { version("rfc-v5", "sw_protected") + Lines { "convert process=1 file=7 offset=0 size=0x4000 to=private effect=scramble" } };
    for (std::string const effect : { "none", "zero", "scramble" }) {
        EXPECT_EQ(section(private_ + Lines { "convert process=2 file=7 offset=0 size=0x1000 completes=1 effect=" + effect }), "") << effect;
        EXPECT_EQ(section(private_ + Lines { "convert process=2 file=7 offset=0 size=0x1000 effect=" + effect }), effect == "scramble" ? "" : "2.6") << effect;
    }
    EXPECT_EQ(section(version("mainline", "sw_protected") + Lines { "convert process=2 file=7 offset=0 size=0x1000 to=private completes=1 effect=zero" }), "2.6");
}

// A mode that counts only where something changes, over pages of which nobody knows what they were.
TEST(EffectTest, OfUnknownPagesIsEither)
{
    Lines const middle { "trace from=middle in_place=on effects=all uapi=rfc-v5" };
    for (std::string const effect : { "none", "zero", "scramble" })
        EXPECT_EQ(section(middle + Lines { "convert process=1 file=7 offset=0 size=0x1000 effect=" + effect }), effect == "zero" ? "2.6" : "") << effect;
}

TEST(PreFaultTest, IsUpToTheWorld)
{
    for (std::string const result : { "EINTR", "ENOENT", "EOPNOTSUPP", "EFAULT", "ENOMEM", "EHWPOISON", "EIO", "ENOTTY" })
        EXPECT_EQ(section(begun() + Lines { "pre_fault process=1 gpa=0x11000 size=0x1000 left=0x1000 vm=1 result=" + result }), "") << result;
    // The launch ends meanwhile.
    for (std::string const answer : { "", "left=0x1000 result=EOPNOTSUPP" })
        EXPECT_EQ(section({ "trace from=beginning pins=all in_place=on", "create time=1 duration=1 process=1 file=7 size=0x4000 flags=3 private_memory=1 platform=snp vm=1",
                            "launch time=3 duration=1 process=1 step=snp_start vm=1", "launch time=10 duration=10 process=1 step=snp_finish vm=1",
                            "pre_fault time=15 duration=2 process=1 thread=2 gpa=0x11000 size=0x1000 vm=1 " + answer }),
                  "")
            << answer;
    EXPECT_EQ(section(version("mainline", "snp") + Lines { "launch process=1 step=snp_start vm=1", "pre_fault process=1 gpa=0x11000 size=0x1000 left=0x1000 vm=1 result=EINTR" }), "");
}

TEST(PolicyTest, OfNodesThatNobodyKnowsIsBelieved)
{
    for (std::string const rest : { "mode=2 nodes=1 nodes_known=1 result=EINVAL",        // the task may not use the node
                                    "mode=2 result=EINVAL", "mode=2", "result=EINVAL", // which nodes?
                                    "mode=5 nodes=1 nodes_known=1 result=EINVAL", "mode=0x4005 nodes=1 nodes_known=1 result=EINVAL", "mode=6 nodes=1 nodes_known=1", // an older kernel, a newer one
                                    "mode=0x2002 nodes=1 nodes_known=1", "mode=2 result=EFAULT", "mode=2 result=ENOMEM" })
        EXPECT_EQ(section(begun() + Lines { "policy process=1 file=7 size=0x1000 " + rest }), "") << rest;
}

} // namespace
