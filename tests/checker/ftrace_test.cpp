// Lines of the kernel's tracing, of the events that docs/check.md defines.

#include "traces.hpp"

#include <cerrno>

using namespace gmem;
using namespace gmem::checker;
using namespace gmem::checker::test;

namespace {

std::string line(std::string const &time, std::string const &rest) { return "            qemu-4711    [002] ..... " + time + ": " + rest; }
std::string convert(std::string const &time, std::string const &rest) { return line(time, "gmem_convert: (kvm_gmem_ioctl+0x0/0x120 <- __x64_sys_ioctl) cmd=0xc080aed2 file=77 " + rest); }

Lines const header { "# tracer: nop", "#", "trace in_place=on" };

TEST(FtraceTest, AConversionIsRead)
{
    auto const t { read_text(joined(header + Lines { convert("12.345678", "offset=0x1000 size=0x2000 attributes=0x8 flags=0x0 error_offset=0x1000 ret=-11") })) };
    ASSERT_EQ(t.steps.size(), 1u);
    auto const &e { t.steps[0].event };
    EXPECT_EQ(e.time, 12'345'678'000u);
    EXPECT_EQ(e.thread, 4711u);
    EXPECT_EQ(e.file, 77u);
    EXPECT_EQ(e.detail, 1u);
    EXPECT_EQ(e.result, -EAGAIN);
    EXPECT_EQ(e.at, 0x1000u);
}

TEST(FtraceTest, NamesWithSpacesAndOtherEventsAreNoObstacle)
{
    auto const t { read_text(joined(header + Lines { "  CPU 0/KVM-12 [001] d..1 1.5: gmem_punch: (x+0x0/0x1 <- y) file=7 offset=0x0 size=0x1000 ret=0", line("2.000001", "sched_switch: prev_comm=a prev_pid=1"),
                                                    line("2.000002", "gmem_convert: (kvm_gmem_ioctl+0x0/0x120) cmd=0x5401 file=7 ret=-25") })) };
    ASSERT_EQ(t.steps.size(), 1u);
    EXPECT_EQ(t.steps[0].event.thread, 12u);
    EXPECT_EQ(t.steps[0].event.time, 1'500'000'000u);
}

TEST(FtraceTest, WhatIsWrongIsFound)
{
    auto const before { header + Lines { convert("1.000001", "offset=0x0 size=0x4000 attributes=0x8 flags=0x0 error_offset=0x0 ret=0") } };
    EXPECT_EQ(section_of_last(before + Lines { convert("1.000002", "offset=0x1000 size=0x1000 attributes=0x0 flags=0x0 error_offset=0x0 ret=0") }), "");
    EXPECT_EQ(section_of_last(before + Lines { convert("1.000002", "offset=0x1000 size=0x1000 attributes=0x0 flags=0x0 error_offset=0x1000 ret=-11") }), "2.5");
    EXPECT_EQ(section_of_last(before + Lines { convert("1.000002", "offset=0x1000 size=0x1001 attributes=0x0 flags=0x0 error_offset=0x0 ret=0") }), "2.2 (2)-(10)");
    EXPECT_EQ(section_of_last(before + Lines { convert("1.000002", "offset=0x1000 size=0x1000 attributes=0x8 flags=0x0 error_offset=0xdead ret=0") }), "");
}

} // namespace
