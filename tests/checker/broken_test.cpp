// Traces that are right but for their last line, each with one thing wrong. The same trace with the last line as it should be agrees: so it is that thing
// that is found.

#include "traces.hpp"

using namespace gmem::checker::test;

namespace {

struct Case final {
    char const *name;
    Lines before; // what begun() is followed by; or, with a line `trace`, all of it
    char const *right, *wrong;
    char const *section;
};

Lines const pinned { "pin process=1 file=7 offset=0x1000 size=0x1000 token=5" };
Lines const all_private { "convert process=1 file=7 offset=0 size=0x4000 to=private" };
Lines const slot { "bind process=1 file=7 offset=0 size=0x2000 slot=1 gpa=0x10000 vm=1" };

Lines const guest { "bind process=1 file=7 offset=0 size=0x4000 slot=1 gpa=0x10000 vm=1" };
Lines const without_private_memory { "create process=1 file=9 size=0x4000 flags=3 initial=shared vm=2" };

Lines version(std::string const &uapi, std::string const &platform)
{
    return { "trace from=beginning pins=all effects=all in_place=on uapi=" + uapi,
             "create process=1 file=7 size=0x4000 flags=3 private_memory=1 initial=shared platform=" + platform + " vm=1" };
}
Lines const snp { version("mainline", "snp") };
Lines const launching { snp + Lines { "launch process=1 step=snp_start vm=1" } };
Lines const launched { launching + Lines { "launch process=1 step=snp_finish vm=1" } };

Case const cases[] {
    { "CreateSizeUnaligned", {}, "create process=1 file=8 size=0x1001 flags=3 result=EINVAL", "create process=1 file=8 size=0x1001 flags=3 private_memory=1 result=9", "1.3, 1.5" },
    { "CreateSizeZero", {}, "create process=1 size=0 flags=1 result=EINVAL", "create process=1 file=8 size=0 flags=1", "1.3, 1.5" },
    { "CreateUnknownFlag", {}, "create process=1 size=0x1000 flags=4 result=EINVAL", "create process=1 file=8 size=0x1000 flags=4", "1.3, 1.5" },
    { "CreateRefusedForNoReason", {}, "create process=1 file=8 size=0x1000 flags=1", "create process=1 size=0x1000 flags=1 result=EINVAL", "1.3, 1.5" },

    { "ConvertOverPin", pinned, "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000", "convert process=1 file=7 offset=0 size=0x4000 to=private", "2.2 (14)" },
    { "ConvertNamesWrongPage", pinned, "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000",
      "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x2000", "2.4" },
    { "ConvertNamesFirstPageOfRequest", pinned, "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000",
      "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN", "2.4" },
    { "ConvertNamesSecondPin", pinned + Lines { "pin process=1 file=7 offset=0x3000 size=0x1000 token=6" },
      "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000", "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x3000", "2.4" },
    { "ConvertNamesMiddleOfPage", pinned, "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000",
      "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1004", "2.4" },
    { "ConvertHeldByNobody", {}, "convert process=1 file=7 offset=0 size=0x4000 to=private", "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN", "3.1" },
    { "ConvertHeldAfterUnpin", pinned + Lines { "unpin process=1 file=7 offset=0x1000 size=0x1000 token=5" }, "convert process=1 file=7 offset=0 size=0x4000 to=private",
      "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000", "3.1" },
    { "ConvertHeldAfterPunch", pinned + Lines { "punch process=1 file=7 offset=0 size=0x4000" }, "convert process=1 file=7 offset=0 size=0x4000 to=private",
      "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000", "3.1" },
    { "PunchLeavesTheRestOfAPin", Lines { "pin process=1 file=7 offset=0 size=0x3000 token=5", "punch process=1 file=7 offset=0x1000 size=0x1000" },
      "convert process=1 file=7 offset=0x1000 size=0x3000 to=private result=EAGAIN error_offset=0x2000", "convert process=1 file=7 offset=0x1000 size=0x3000 to=private", "2.2 (14)" },
    { "ToSharedRefused", all_private, "convert process=1 file=7 offset=0 size=0x1000", "convert process=1 file=7 offset=0 size=0x1000 result=EAGAIN", "2.5" },
    { "UnchangedRefused", pinned, "convert process=1 file=7 offset=0 size=0x1000", "convert process=1 file=7 offset=0 size=0x1000 result=EAGAIN", "2.2 (12)" },
    { "NoMemoryNamesAPage", {}, "convert process=1 file=7 offset=0x1000 size=0x2000 to=private result=ENOMEM error_offset=0x1000",
      "convert process=1 file=7 offset=0x1000 size=0x2000 to=private result=ENOMEM error_offset=0x2000", "2.2 (13)" },
    { "StrangeErrno", {}, "convert process=1 file=7 offset=0 size=0x1000 to=private", "convert process=1 file=7 offset=0 size=0x1000 to=private result=EBUSY", "2.2" },
    { "SuccessWritesOffset", {}, "convert process=1 file=7 offset=0 size=0x1000 to=private", "convert process=1 file=7 offset=0 size=0x1000 to=private error_offset=0x1000", "2.4" },
    { "BeyondTheEnd", {}, "convert process=1 file=7 offset=0x3000 size=0x2000 to=private result=EINVAL", "convert process=1 file=7 offset=0x3000 size=0x2000 to=private", "2.2 (2)-(10)" },
    { "BeyondTheEndAgain", {}, "convert process=1 file=7 offset=0x3000 size=0x2000 to=private result=EINVAL", "convert process=1 file=7 offset=0x3000 size=0x2000 to=private result=EFBIG", "2.2 (2)-(10)" },
    { "Empty", {}, "convert process=1 file=7 offset=0 size=0 to=private result=EINVAL", "convert process=1 file=7 offset=0 size=0 to=private", "2.2 (2)-(10)" },
    { "Unaligned", {}, "convert process=1 file=7 offset=0x800 size=0x1000 to=private result=EINVAL", "convert process=1 file=7 offset=0x800 size=0x1000 to=private", "2.2 (2)-(10)" },
    { "Wraps", {}, "convert process=1 file=7 offset=0xfffffffffffff000 size=0x2000 result=EINVAL", "convert process=1 file=7 offset=0xfffffffffffff000 size=0x2000", "2.2 (2)-(10)" },
    { "FlagsInMainline", {}, "convert process=1 file=7 offset=0 size=0x1000 flags=1 result=EINVAL", "convert process=1 file=7 offset=0 size=0x1000 flags=1", "2.2 (2)-(10)" },
    { "OtherAttribute", {}, "convert process=1 file=7 offset=0 size=0x1000 attributes=9 result=EINVAL", "convert process=1 file=7 offset=0 size=0x1000 attributes=9", "2.2 (2)-(10)" },
    { "ReservedWord", {}, "convert process=1 file=7 offset=0 size=0x1000 to=private reserved=1 result=EINVAL", "convert process=1 file=7 offset=0 size=0x1000 to=private reserved=1", "2.2 (2)-(10)" },

    { "MainlineZeroes", version("mainline", "sw_protected"), "convert process=1 file=7 offset=0 size=0x1000 to=private", "convert process=1 file=7 offset=0 size=0x1000 to=private effect=zero", "2.6" },
    { "MainlineZeroesInTheText", {}, "convert process=1 file=7 offset=0 size=0x1000 to=private", "convert process=1 file=7 offset=0 size=0x1000 to=private effect=zero", "2.6" },
    { "MainlineScramblesOnSnp", snp, "convert process=1 file=7 offset=0 size=0x1000 to=private", "convert process=1 file=7 offset=0 size=0x1000 to=private effect=scramble", "2.6" },
    { "ZeroWithoutZeroes", version("rfc-v5", "tdx") + all_private, "convert process=1 file=7 offset=0 size=0x1000 flags=1 effect=zero", "convert process=1 file=7 offset=0 size=0x1000 flags=1", "2.6" },
    { "PreserveZeroes", version("rfc-v5", "pkvm") + all_private, "convert process=1 file=7 offset=0 size=0x1000 flags=2", "convert process=1 file=7 offset=0 size=0x1000 flags=2 effect=zero", "2.6" },
    { "UnspecifiedIsNotScrambled", version("rfc-v5", "sw_protected"), "convert process=1 file=7 offset=0 size=0x1000 to=private effect=scramble", "convert process=1 file=7 offset=0 size=0x1000 to=private", "2.6" },
    { "UnspecifiedIsScrambledElsewhere", version("rfc-v5", "cca"), "convert process=1 file=7 offset=0 size=0x1000 to=private", "convert process=1 file=7 offset=0 size=0x1000 to=private effect=scramble", "2.6" },
    { "UnchangedIsNotScrambled", version("rfc-v4", "sw_protected"), "convert process=1 file=7 offset=0 size=0x1000 effect=scramble", "convert process=1 file=7 offset=0 size=0x1000", "2.6" },
    { "FebruaryKeeps", version("feb", "snp"), "convert process=1 file=7 offset=0 size=0x1000 to=private effect=zero", "convert process=1 file=7 offset=0 size=0x1000 to=private", "2.6" },
    { "RefusedAndZeroed", pinned, "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000",
      "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000 effect=zero", "2.3" },

    { "AccessToSharedPage", { "convert process=1 file=7 offset=0 size=0x1000 to=private" }, "access process=1 file=7 offset=0xfff", "access process=1 file=7 offset=0x1000", "4.1 (2)" },
    { "AccessAfterConversionBack", all_private + Lines { "convert process=1 file=7 offset=0x1000 size=0x1000" }, "access process=1 file=7 offset=0x2000", "access process=1 file=7 offset=0x1000", "4.1 (2)" },
    { "AccessAfterRefusedConversion", pinned + Lines { "convert process=1 file=7 offset=0 size=0x4000 to=private result=EAGAIN error_offset=0x1000" }, "access process=1 file=7 offset=0x4000",
      "access process=1 file=7 offset=0", "4.1 (2)" },
    { "SystemCallOnSharedPages", { "convert process=1 file=7 offset=0x2000 size=0x1000 to=private" }, "kernel_access process=1 file=7 offset=0 size=0x2001",
      "kernel_access process=1 file=7 offset=0 size=0x2000", "4.1" },
    { "PinOfPrivatePage", { "convert process=1 file=7 offset=0x2000 size=0x1000 to=private" }, "pin process=1 file=7 offset=0x1000 size=0x2000 token=1 result=EFAULT",
      "pin process=1 file=7 offset=0x1000 size=0x2000 token=1", "4.1" },

    { "PunchUnaligned", {}, "punch process=1 file=7 offset=0 size=0x800 result=EINVAL", "punch process=1 file=7 offset=0 size=0x800", "4.4" },
    { "PunchBeyondTheEnd", {}, "punch process=1 file=7 offset=0x4000 size=0x1000", "punch process=1 file=7 offset=0x4000 size=0x1000 result=EINVAL", "4.4" },
    { "PunchRefusedOverPin", pinned, "punch process=1 file=7 offset=0 size=0x4000", "punch process=1 file=7 offset=0 size=0x4000 result=EAGAIN", "4.4" },
    { "AllocateBeyondTheEnd", {}, "allocate process=1 file=7 mode=1 offset=0x3000 size=0x2000 result=EINVAL", "allocate process=1 file=7 mode=1 offset=0x3000 size=0x2000", "4.4" },
    { "MapWithoutFlag", { "create process=1 file=9 size=0x1000 flags=0 initial=private private_memory=1 vm=1" }, "map process=1 file=9 size=0x1000 protection=3 result=ENODEV", "map process=1 file=9 size=0x1000 protection=3 hva=0x7000", "4.4" },
    { "MapExecutable", {}, "map process=1 file=7 size=0x1000 protection=5 result=EPERM", "map process=1 file=7 size=0x1000 protection=5 hva=0x7000", "4.4" },

    { "BindOverlapsInGuest", slot, "bind process=1 file=7 offset=0x2000 size=0x1000 slot=2 gpa=0x11000 vm=1 result=EEXIST", "bind process=1 file=7 offset=0x2000 size=0x1000 slot=2 gpa=0x11000 vm=1", "6.1 (12)" },
    { "BindOverlapsInFile", slot, "bind process=1 file=7 offset=0x1000 size=0x1000 slot=2 gpa=0x20000 vm=1 result=EEXIST", "bind process=1 file=7 offset=0x1000 size=0x1000 slot=2 gpa=0x20000 vm=1", "6.1 (13)" },
    { "BindChangesSlot", slot, "bind process=1 file=7 offset=0x2000 size=0x1000 slot=1 gpa=0x20000 vm=1 result=EINVAL", "bind process=1 file=7 offset=0x2000 size=0x1000 slot=1 gpa=0x20000 vm=1", "6.1" },
    { "BindBeyondTheEnd", {}, "bind process=1 file=7 offset=0x3000 size=0x2000 slot=1 gpa=0x20000 vm=1 result=EINVAL", "bind process=1 file=7 offset=0x3000 size=0x2000 slot=1 gpa=0x20000 vm=1", "6.1" },
    { "BindUnaligned", {}, "bind process=1 file=7 offset=0x800 size=0x1000 slot=1 gpa=0x20000 vm=1 result=EINVAL", "bind process=1 file=7 offset=0x800 size=0x1000 slot=1 gpa=0x20000 vm=1 result=EEXIST", "6.1" },
    { "UnbindRefused", slot, "unbind process=1 slot=1 gpa=0x10000 vm=1", "unbind process=1 slot=1 gpa=0x10000 vm=1 result=EINVAL", "6.1" },

    { "PrivateFaultAtPrivatePage", guest + Lines { "convert process=1 file=7 offset=0x1000 size=0x1000 to=private" }, "memory_fault process=1 gpa=0x10000 size=0x1000 flags=8 vm=1 result=EFAULT",
      "memory_fault process=1 gpa=0x11000 size=0x1000 flags=8 vm=1 result=EFAULT", "4.2" },
    { "SharedFaultAtSharedPage", guest + Lines { "convert process=1 file=7 offset=0x1000 size=0x1000 to=private" }, "memory_fault process=1 gpa=0x11000 size=0x1000 vm=1 result=EFAULT",
      "memory_fault process=1 gpa=0x12000 size=0x1000 vm=1 result=EFAULT", "4.2" },
    { "FaultAfterConversionBack", guest + all_private + Lines { "convert process=1 file=7 offset=0x1000 size=0x1000" }, "memory_fault process=1 gpa=0x11000 size=0x1000 flags=8 vm=1 result=EFAULT",
      "memory_fault process=1 gpa=0x11000 size=0x1000 vm=1 result=EFAULT", "4.2" },
    { "FaultOfSnpForNothing", snp + guest, "memory_fault process=1 gpa=0x11000 size=0x1000 flags=8 vm=1 result=EFAULT", "memory_fault process=1 gpa=0x11000 size=0x1000 vm=1 result=EFAULT", "4.2" },
    { "FaultHasAnotherFlag", {}, "memory_fault process=1 gpa=0x11000 size=0x1000 flags=8 vm=1 result=EFAULT", "memory_fault process=1 gpa=0x11000 size=0x1000 flags=9 vm=1 result=EFAULT", "1.4" },
    { "FaultIsNoPage", {}, "memory_fault process=1 gpa=0x11000 size=0x1000 vm=1 result=EFAULT", "memory_fault process=1 gpa=0x11004 size=0x1000 vm=1 result=EFAULT", "1.4" },
    { "FaultIsOfTwoPages", {}, "memory_fault process=1 gpa=0x11000 size=0x1000 vm=1 result=EFAULT", "memory_fault process=1 gpa=0x11000 size=0x2000 vm=1 result=EFAULT", "1.4" },
    { "FaultOfRealmIsOfNothing", version("mainline", "cca"), "memory_fault process=1 gpa=0x11000 size=0x3000 vm=1 result=EFAULT", "memory_fault process=1 gpa=0x11000 size=0 vm=1 result=EFAULT", "1.4" },
    { "PrivateFaultWithoutPrivateMemory", without_private_memory, "memory_fault process=1 gpa=0x11000 size=0x1000 vm=2 result=EFAULT", "memory_fault process=1 gpa=0x11000 size=0x1000 flags=8 vm=2 result=EFAULT", "1.5" },
    { "MapsHalfAPage", {}, "hypercall process=1 vm=1 number=12 argument0=0x11000 argument1=2 argument2=0x10", "hypercall process=1 vm=1 number=12 argument0=0x11800 argument1=2 argument2=0x10", "6.6" },
    { "MapsNothing", {}, "hypercall process=1 vm=1 number=12 argument0=0x11000 argument1=1", "hypercall process=1 vm=1 number=12 argument0=0x11000", "6.6" },
    { "MapsAroundTheEnd", {}, "hypercall process=1 vm=1 number=12 argument0=0x11000 argument1=0xffffffffffffff00", "hypercall process=1 vm=1 number=12 argument0=0x11000 argument1=0xffffffffffffffff", "6.6" },

    { "PreFaultUnaligned", {}, "pre_fault process=1 gpa=0x11000 size=0x800 left=0x800 vm=1 result=EINVAL", "pre_fault process=1 gpa=0x11000 size=0x800 left=0 vm=1", "4.2" },
    { "PreFaultFlags", {}, "pre_fault process=1 gpa=0x11000 size=0x1000 left=0x1000 flags=1 vm=1 result=EINVAL", "pre_fault process=1 gpa=0x11000 size=0x1000 flags=1 vm=1", "4.2" },
    { "PreFaultWraps", {}, "pre_fault process=1 gpa=0xfffffffffffff000 size=0x1000 left=0x1000 vm=1 result=EINVAL", "pre_fault process=1 gpa=0xfffffffffffff000 size=0x1000 left=0x1000 vm=1 result=ENOENT", "4.2" },
    { "PreFaultWithoutProgress", {}, "pre_fault process=1 gpa=0x11000 size=0x2000 left=0x1000 vm=1", "pre_fault process=1 gpa=0x11000 size=0x2000 left=0x2000 vm=1", "4.2" },
    { "PreFaultOfMoreThanAsked", {}, "pre_fault process=1 gpa=0x11000 size=0x2000 vm=1", "pre_fault process=1 gpa=0x11000 size=0x2000 left=0x3000 vm=1", "4.2" },
    { "PreFaultHidesProgress", {}, "pre_fault process=1 gpa=0x11000 size=0x2000 left=0x2000 vm=1 result=EINTR", "pre_fault process=1 gpa=0x11000 size=0x2000 left=0x1000 vm=1 result=EINTR", "4.2" },
    { "PreFaultBeforeTheEndOfTheLaunch", launching, "pre_fault process=1 gpa=0x11000 size=0x1000 left=0x1000 vm=1 result=EOPNOTSUPP", "pre_fault process=1 gpa=0x11000 size=0x1000 vm=1", "4.2" },
    { "PreFaultAfterTheLaunch", launched, "pre_fault process=1 gpa=0x11000 size=0x1000 vm=1", "pre_fault process=1 gpa=0x11000 size=0x1000 left=0x1000 vm=1 result=EOPNOTSUPP", "4.2" },
    { "PreFaultOfASlot", guest, "pre_fault process=1 gpa=0x20000 size=0x1000 left=0x1000 vm=1 result=ENOENT", "pre_fault process=1 gpa=0x11000 size=0x1000 left=0x1000 vm=1 result=ENOENT", "4.2" },


    { "PolicyUnknownMode", {}, "policy process=1 file=7 size=0x1000 mode=99 nodes=1 nodes_known=1 result=EINVAL", "policy process=1 file=7 size=0x1000 mode=99 nodes=1 nodes_known=1", "8" },
    { "PolicyUnknownFlag", {}, "policy process=1 file=7 size=0x1000 mode=2 nodes=1 nodes_known=1 flags=8 result=EINVAL", "policy process=1 file=7 size=0x1000 mode=2 nodes=1 nodes_known=1 flags=8", "8" },
    { "PolicyOfNoNode", {}, "policy process=1 file=7 size=0x1000 mode=2 nodes=1 nodes_known=1", "policy process=1 file=7 size=0x1000 mode=2 nodes_known=1", "8" },
    { "PolicyDefaultOfANode", {}, "policy process=1 file=7 size=0x1000 nodes=1 nodes_known=1 result=EINVAL", "policy process=1 file=7 size=0x1000 nodes=1 nodes_known=1", "8" },
    { "PolicyTwoModifiers", {}, "policy process=1 file=7 size=0x1000 mode=0x8002", "policy process=1 file=7 size=0x1000 mode=0xc002", "8" },
    { "PolicyRefusedForNoReason", {}, "policy process=1 file=7 size=0x1000 mode=4 nodes_known=1", "policy process=1 file=7 size=0x1000 mode=4 nodes_known=1 result=EINVAL", "8" },
    { "PolicyStrictForNoReason", {}, "policy process=1 file=7 size=0x1000 mode=2 nodes=1 nodes_known=1 flags=1 result=EIO", "policy process=1 file=7 size=0x1000 mode=2 nodes=1 nodes_known=1 result=EIO", "8" },
    { "PolicyPrivilegeForNoReason", {}, "policy process=1 file=7 size=0x1000 mode=2 nodes=1 nodes_known=1 flags=4 result=EPERM", "policy process=1 file=7 size=0x1000 mode=2 nodes=1 nodes_known=1 flags=2 result=EPERM", "8" },

    { "VmAttributesOfWhatFilesTrack", {}, "vm_attributes process=1 size=0x1000 attributes=8 vm=1 result=EINVAL", "vm_attributes process=1 size=0x1000 attributes=8 vm=1", "1.6" },
};

class BrokenTest : public testing::TestWithParam<Case> {};

TEST_P(BrokenTest, IsRefusedAndItsNeighbourIsNot)
{
    auto const &c { GetParam() };
    bool const all_of_it { !c.before.empty() && c.before.front().starts_with("trace ") };
    auto const before { all_of_it ? c.before : begun() + c.before };
    EXPECT_EQ(section_of_last(before + Lines { c.right }), "");
    EXPECT_EQ(section_of_last(before + Lines { c.wrong }), c.section);
}

INSTANTIATE_TEST_SUITE_P(Traces, BrokenTest, testing::ValuesIn(cases), [](auto const &one) { return std::string { one.param.name }; });

} // namespace
