// What strace prints: which descriptor is which file, and calls without structures.

#include "traces.hpp"

#include <cerrno>

using namespace gmem;
using namespace gmem::checker;
using namespace gmem::checker::test;

namespace {

Lines const begins {
    R"(100   openat(-100, "/dev/kvm", 0x2)           = 3)",
    R"(100   ioctl(3, 0xae01, 0x1)                   = 4)",
    R"(100   ioctl(4, 0xc040aed4, 0x7ffe4f1502e0)   = 5)",
};

std::vector<observe::Event> events(Lines const &lines)
{
    std::vector<observe::Event> all;
    for (auto const &s : read_text(joined(lines)).steps)
        all.push_back(s.event);
    return all;
}

TEST(StraceTest, FilesAreKnownByTheirDescriptors)
{
    auto const all { events(begins + Lines { R"(100   ioctl(4, 0xc040aed4, 0x7ffe4f1502e0)   = 6)", R"(100   ioctl(5, 0xc080aed2, 0x7ffe4f150260)   = 0)", R"(100   ioctl(6, 0xc080aed2, 0x7ffe4f150260)   = -1 EAGAIN (Resource temporarily unavailable))" }) };
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[2].file, all[0].file);
    EXPECT_EQ(all[3].file, all[1].file);
    EXPECT_NE(all[0].file, all[1].file);
    EXPECT_EQ(all[3].result, -EAGAIN);
}

TEST(StraceTest, ForkedProcessesShareFilesAndNotDescriptors)
{
    auto const all { events(begins + Lines { R"(100   clone(child_stack=NULL, flags=0x1200011, child_tidptr=0x7f) = 101)", R"(101   close(5) = 0)", R"(101   ioctl(4, 0xc040aed4, 0x7ffe4f1502e0)   = 5)",
                                             R"(100   fallocate(5, 0x3, 0, 4096)  = 0)", R"(101   fallocate(5, 0x3, 0, 4096)  = 0)" }) };
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[2].file, all[0].file);
    EXPECT_EQ(all[3].file, all[1].file);
}

TEST(StraceTest, ThreadsShareDescriptors)
{
    auto const all { events(begins + Lines { R"(100   clone3({flags=0x3d0f00, child_tid=0x7f, exit_signal=0, stack=0x7f, stack_size=0x7ffe80}, 88) = 101)", R"(101   dup(5) = 9)", R"(100   fallocate(9, 0x1, 0x1000, 4096)  = 0)" }) };
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[1].file, all[0].file);
    auto const of_child { events(begins + Lines { R"(100   fork() = 101)", R"(101   clone3({flags=0x3d0f00, exit_signal=0}, 88) = 102)", R"(102   ioctl(4, 0xc040aed4, 0x7ffe) = 6)", R"(101   fallocate(6, 0x1, 0, 4096)  = 0)", R"(100   fallocate(6, 0x1, 0, 4096)  = -1 EBADF (Bad file descriptor))" }) };
    ASSERT_EQ(of_child.size(), 3u);
    EXPECT_EQ(of_child[2].file, of_child[1].file);
    EXPECT_EQ(all[1].kind, observe::Kind::allocate);
    EXPECT_EQ(all[1].offset, 4096u);
}

TEST(StraceTest, CallsInTwoPiecesTookTime)
{
    auto const all { events(begins + Lines { R"([pid 100] ioctl(5, 0xc080aed2, 0x7ffe <unfinished ...>)", R"([pid 101] close(77) = -1 EBADF (Bad file descriptor))", R"([pid 100] <... ioctl resumed>)        = 0)" }) };
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[1].time, 4u);
    EXPECT_EQ(all[1].duration, 2u);
}

TEST(StraceTest, TimesAndNamesOfConstantsAreNoObstacle)
{
    auto const all { events({ R"(1795270548.467334 ioctl(3</dev/kvm<char 10:232>>, 0xae01 /* KVM_CREATE_VM */, 0x1) = 4<anon_inode:kvm-vm> <0.000030>)",
                              R"(1795270548.467435 ioctl(4<anon_inode:kvm-vm>, 0xc040aed4 /* _IOC(_IOC_READ|_IOC_WRITE, 0xae, 0xd4, 0x40) */, 0x7ffd170311f0) = 5 <0.000004>)",
                              R"(1795270548.467506 fallocate(5, 0x3 /* FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE */, 8192, 4096) = 0 <0.000004>)" }) };
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[1].offset, 8192u);
}

TEST(StraceTest, WhatIsWrongWithoutStructuresIsFound)
{
    EXPECT_EQ(section_of_last(begins + Lines { "100 fallocate(5, 0x3, 0, 4096) = 0" }), "");
    EXPECT_EQ(section_of_last(begins + Lines { "100 fallocate(5, 0x3, 0, 4000) = 0" }), "4.4");
    EXPECT_EQ(section_of_last(begins + Lines { "100 fallocate(5, 0, 0, 4096) = -1 EOPNOTSUPP (Operation not supported)" }), "");
    EXPECT_EQ(section_of_last(begins + Lines { "100 fallocate(5, 0, 0, 4096) = 0" }), "4.4");
    EXPECT_EQ(section_of_last(begins + Lines { "100 ioctl(5, 0xc080aed2, 0x7ffe) = -1 EAGAIN (Resource temporarily unavailable)" }), "");
    EXPECT_EQ(section_of_last(begins + Lines { "100 ioctl(5, 0xc080aed2, 0x7ffe) = -1 EBUSY (Device or resource busy)" }), "2.2");
    EXPECT_EQ(section_of_last(begins + Lines { "100 mmap(NULL, 16384, 0x3, 0x1, 5, 0) = 0x7f1000", "100 mmap(NULL, 16384, 0x3, 0x1, 5, 0) = -1 ENODEV (No such device)" }), "4.4");
    EXPECT_EQ(section_of_last(begins + Lines { "100 mmap(NULL, 16384, 0x5, 0x1, 5, 0) = 0x7f1000" }), "4.4");
}

TEST(StraceTest, APolicyIsOfItsWindow)
{
    auto const mapped { begins + Lines { "100 mmap(NULL, 16384, 0x3, 0x1, 5, 0x1000) = 0x7f0000001000" } };
    auto const all { events(mapped + Lines { "100 mbind(0x7f0000002000, 8192, 0x3 /* MPOL_INTERLEAVE */, [0x0000000000000003], 2, 0) = 0", "100 mbind(0x7f0000002000, 100, 0, NULL, 0, 0x1) = 0", "100 mbind(0x7e0000002000, 4096, 0x99, NULL, 0, 0) = 0" }) };
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[2].kind, observe::Kind::policy);
    EXPECT_EQ(all[2].file, all[0].file);
    EXPECT_EQ(all[2].offset, 0x2000u);
    EXPECT_EQ(all[2].size, 0x2000u);
    EXPECT_EQ(all[2].more[0], 3u);
    EXPECT_EQ(all[2].more[3], 1u); // a mask of two bits names one node
    EXPECT_EQ(all[2].more[4], 1u);
    EXPECT_EQ(all[3].size, 0x1000u);
    EXPECT_EQ(all[3].more[2], 1u);
    EXPECT_EQ(all[3].more[4], 1u);
    EXPECT_EQ(events(mapped + Lines { "100 mbind(0x7f0000002000, 0x10000, 0x2, NULL, 0, 0) = 0" }).size(), 2u); // of more than the window
    EXPECT_EQ(section_of_last(mapped + Lines { "100 mbind(0x7f0000002000, 8192, 0x2, NULL, 0, 0) = -1 EINVAL (Invalid argument)" }), "");
    EXPECT_EQ(section_of_last(mapped + Lines { "100 mbind(0x7f0000002000, 8192, 0x2, NULL, 0, 0) = 0" }), "8");
    EXPECT_EQ(section_of_last(mapped + Lines { "100 mbind(0x7f0000002000, 8192, 0x2, [0x1, 0x1], 128, 0) = 0" }), "");
    EXPECT_EQ(section_of_last(mapped + Lines { "100 mbind(0x7f0000002000, 8192, 0x63, [0x1, 0x1], 128, 0) = 0" }), "8");
}

TEST(StraceTest, AnAccessIsFoundInItsWindow)
{
    auto const all { events(begins + Lines { "100 mmap(NULL, 16384, 0x3, 0x1, 5, 0x1000) = 0x7f1000", "100 --- SIGBUS {si_signo=0x7, si_code=0x2, si_addr=0x7f2008} ---" }) };
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[2].kind, observe::Kind::access);
    EXPECT_EQ(all[2].offset, 0x2008u);
    EXPECT_EQ(all[2].file, all[0].file);
}

} // namespace
