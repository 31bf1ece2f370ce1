// Traces that are right but for their last line, each with one thing wrong. The same trace with the last line as it should be agrees: so it is that thing
// that is found.

#include "traces.hpp"

using namespace gmem::checker::test;

namespace {

struct Case final {
    char const *name;
    Lines before;
    char const *right, *wrong;
    char const *section;
};

Lines const pinned { "pin process=1 file=7 offset=0x1000 size=0x1000 token=5" };
Lines const all_private { "convert process=1 file=7 offset=0 size=0x4000 to=private" };
Lines const slot { "bind process=1 file=7 offset=0 size=0x2000 slot=1 gpa=0x10000 vm=1" };

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

    { "VmAttributesOfWhatFilesTrack", {}, "vm_attributes process=1 size=0x1000 attributes=8 vm=1 result=EINVAL", "vm_attributes process=1 size=0x1000 attributes=8 vm=1", "1.6" },
};

class BrokenTest : public testing::TestWithParam<Case> {};

TEST_P(BrokenTest, IsRefusedAndItsNeighbourIsNot)
{
    auto const &c { GetParam() };
    EXPECT_EQ(section_of_last(begun() + c.before + Lines { c.right }), "");
    EXPECT_EQ(section_of_last(begun() + c.before + Lines { c.wrong }), c.section);
}

INSTANTIATE_TEST_SUITE_P(Traces, BrokenTest, testing::ValuesIn(cases), [](auto const &one) { return std::string { one.param.name }; });

} // namespace
