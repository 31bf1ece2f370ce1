// Windows: made, cut, many of them, of any size; memory that is really freed and really allocated.

#include "tests/support/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

using namespace gmem::test;

TEST(Window, TwoWindowsOnOnePageAreGatedTogether)
{
    File f { 8 };
    void *second { nullptr };
    ASSERT_EQ(gmem_map(f.get(), 2 * page, 2 * page, PROT_READ | PROT_WRITE, &second), 0);
    f.write(2, 5);
    EXPECT_EQ(probe(second).value, 5);
    ASSERT_EQ(f.to_private(2), 0);
    EXPECT_FALSE(probe(second).readable());
    EXPECT_TRUE(probe(static_cast<unsigned char *>(second) + page).readable());
    ASSERT_EQ(f.to_shared(2), 0);
    EXPECT_EQ(probe(second).value, 5);
    EXPECT_EQ(gmem_unmap(second, 2 * page), 0);
}

TEST(Window, PastTheEndIsSigbus)
{
    File f { 4 };
    void *window { nullptr };
    ASSERT_EQ(gmem_map(f.get(), 2 * page, 8 * page, PROT_READ, &window), 0);
    auto *const bytes { static_cast<unsigned char *>(window) };
    EXPECT_TRUE(probe(bytes + page).readable());
    auto const past { probe(bytes + 2 * page) };
    EXPECT_FALSE(past.readable());
    EXPECT_EQ(past.fault_code, BUS_ADRERR);
    EXPECT_EQ(gmem_unmap(window, 8 * page), 0);
}

TEST(Window, APartCanBeUnmapped)
{
    File f { 16 };
    void *window { nullptr };
    ASSERT_EQ(gmem_map(f.get(), 0, 16 * page, PROT_READ | PROT_WRITE, &window), 0);
    auto *const bytes { static_cast<unsigned char *>(window) };
    ASSERT_EQ(gmem_unmap(bytes + 4 * page, 4 * page), 0);
    EXPECT_EQ(gmem_unmap(bytes + 4 * page, 4 * page), -EINVAL);
    ASSERT_EQ(f.to_private(0, 16), 0);
    EXPECT_FALSE(probe(bytes).readable());
    EXPECT_FALSE(probe(bytes + 8 * page).readable());
    ASSERT_EQ(f.to_shared(0, 16), 0);
    EXPECT_TRUE(probe(bytes + 15 * page).readable());
    EXPECT_EQ(f.stats().windows, 3u);
    EXPECT_EQ(gmem_unmap(window, 16 * page), 0);
}

TEST(Window, OutlivesTheHandle)
{
    gmem_file *g { nullptr };
    ASSERT_EQ(gmem_create(4 * page, GMEM_FLAG_MMAP | GMEM_FLAG_INIT_SHARED, &g), 0);
    void *window { nullptr };
    ASSERT_EQ(gmem_map(g, 0, 4 * page, PROT_READ | PROT_WRITE, &window), 0);
    *static_cast<unsigned char *>(window) = 9;
    gmem_destroy(g);
    EXPECT_EQ(probe(window).value, 9);
    EXPECT_EQ(gmem_unmap(window, 4 * page), 0);
}

TEST(Window, RefusedWithoutTheFlag)
{
    gmem_file *g { nullptr };
    ASSERT_EQ(gmem_create(4 * page, 0, &g), 0);
    void *window { nullptr };
    EXPECT_EQ(gmem_map(g, 0, page, PROT_READ, &window), -ENODEV);
    gmem_destroy(g);
    File f { 1 };
    EXPECT_EQ(gmem_map(f.get(), 0, page, PROT_READ | PROT_EXEC, &window), -EPERM);
    EXPECT_EQ(gmem_map(f.get(), 0, 0, PROT_READ, &window), -EINVAL);
    EXPECT_EQ(gmem_map(f.get(), 1, page, PROT_READ, &window), -EINVAL);
}

TEST(Memory, PunchFreesAndReadsZeroWithTheSameAttribute)
{
    File f { 1024 };
    for (std::uint64_t p { 0 }; p < 1024; ++p)
        f.write(p, 1);
    ASSERT_EQ(f.to_private(512, 512), 0);
    auto const before { f.stats().allocated };
    EXPECT_EQ(before, 1024 * page);
    ASSERT_EQ(gmem_punch(f.get(), 256 * page, 512 * page), 0);
    EXPECT_EQ(f.stats().allocated, 512 * page);
    EXPECT_EQ(f.guest(300), 0);
    EXPECT_EQ(f.guest(600), 0);
    f.expect_gated();
    EXPECT_EQ(probe(f.at(256)).value, 0);
    EXPECT_EQ(probe(f.at(255)).value, 1);
    f.write(256, 7);
    EXPECT_EQ(f.guest(256), 7);
}

TEST(Memory, PunchOfAPageThatWasConvertedBackReadsZero)
{
    File f { 64 };
    f.write(9, 3);
    ASSERT_EQ(f.to_private(9), 0);
    ASSERT_EQ(f.to_shared(9), 0); // open by an installed PTE, where that is the policy
    EXPECT_EQ(probe(f.at(9)).value, 3);
    ASSERT_EQ(gmem_punch(f.get(), 9 * page, page), 0);
    EXPECT_EQ(probe(f.at(9)).value, 0);
    f.write(9, 4);
    EXPECT_EQ(f.guest(9), 4);
}

TEST(Memory, AllocateAllocates)
{
    File f { 256 };
    EXPECT_EQ(f.stats().allocated, 0u);
    ASSERT_EQ(gmem_allocate(f.get(), 0, 100 * page), 0);
    EXPECT_EQ(f.stats().allocated, 100 * page);
    EXPECT_EQ(gmem_allocate(f.get(), 0, 257 * page), -EINVAL);
}

TEST(Memory, HolesThatBecomeSharedReadZero)
{
    File f { 1024, GMEM_FLAG_MMAP };
    ASSERT_EQ(f.to_shared(0, 1024), 0);
    EXPECT_LE(f.stats().allocated, 4 * page); // still lazy
    f.expect_gated();
}

TEST(Memory, SixteenTebibytesCostNothing)
{
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the thread sanitizer leaves no 16 TiB of addresses free";
#endif
    constexpr std::uint64_t pages { (std::uint64_t { 16 } << 40) / page };
    File f { pages };
    f.write(pages - 1, 1);
    ASSERT_EQ(f.to_private(pages / 2, pages / 16), 0); // 1 TiB
    EXPECT_FALSE(probe(f.at(pages / 2)).readable());
    EXPECT_TRUE(probe(f.at(pages / 2 - 1)).readable());
    EXPECT_EQ(probe(f.at(pages - 1)).value, 1);
    EXPECT_LT(f.stats().allocated, 64 * page);
}

// Nobody stands between this test and the kernel: gmem's own copies are really gone, and their numbers belong to somebody else.
TEST(HiddenDescriptors, CanBeLost)
{
    File f { 64 };
    f.write(1, 11);
    ASSERT_EQ(f.to_private(1), 0);
    ASSERT_EQ(close_range(3, 1023, 0), 0);
    f.expect_gated();
    ASSERT_EQ(f.to_shared(1), 0);
    EXPECT_EQ(probe(f.at(1)).value, 11);
    ASSERT_EQ(f.to_private(2, 5), 0);
    f.expect_gated();

    std::vector<int> strangers;
    for (int fd { open("/dev/zero", O_RDWR) }; fd >= 0 && fd < 1023; fd = dup(fd))
        strangers.push_back(fd);
    ASSERT_EQ(f.to_shared(2, 5), 0);
    ASSERT_EQ(f.to_private(10), 0);
    f.expect_gated();
    File second { 16 }; // a new file, with nothing left of the old copies
    ASSERT_EQ(second.to_private(3), 0);
    second.expect_gated();
    for (int fd : strangers)
        close(fd);
}
