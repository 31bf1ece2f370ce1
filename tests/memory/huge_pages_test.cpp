// Huge pages (GMEM_HUGEPAGES=on): made before a window opens, kept through conversions of 4 KiB, punched page by page.

#include "tests/support/file.hpp"
#include "tests/support/huge_pages.hpp"
#include "tests/support/smaps.hpp"

#include "memory/guest_memory.hpp"
#include "os/failure_points.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <sys/wait.h>
#include <thread>
#include <vector>

using namespace gmem::test;

namespace {

constexpr std::uint64_t bytes { extent * page };

// Before the first gmem of the process.
[[maybe_unused]] bool const asked_for { setenv("GMEM_HUGEPAGES", "on", 1) == 0 };

std::uint64_t view_mapped_huge(File const &f)
{
    auto const &memory { *reinterpret_cast<gmem::memory::GuestMemory const *>(f.get()) };
    return smaps(memory.view(), memory.view() + f.pages() * page, "ShmemPmdMapped");
}

void guest_write(File &f, std::uint64_t p, unsigned char value) { ASSERT_EQ(gmem_guest_write(f.get(), p * page + 5, &value, 1), 0); }

} // namespace

TEST(HugePages, AreMadeAtTheFirstTouchAndNotBefore)
{
    NEEDS_HUGE_PAGES();
    File f { 4 * extent };
    EXPECT_EQ(f.stats().allocated, 0u);
    EXPECT_EQ(f.stats().huge_bytes, 0u);
    f.write(extent + 7, 9);
    EXPECT_EQ(f.stats().huge_bytes, bytes);
    EXPECT_EQ(f.stats().allocated, bytes);
    EXPECT_EQ(view_mapped_huge(f), bytes);
    EXPECT_EQ(f.guest(extent + 7), 9);
    auto const recovered { f.stats().recoveries };
    for (std::uint64_t p { extent }; p < 2 * extent; ++p)
        EXPECT_EQ(probe(f.at(p)).value, p == extent + 7 ? 9 : 0);
    EXPECT_EQ(f.stats().recoveries, recovered) << "one SIGBUS opens all that is shared of 2 MiB";
}

TEST(HugePages, StayMappedAsSuchThroughConversionsOfSinglePages)
{
    NEEDS_HUGE_PAGES();
    File f { 4 * extent };
    for (std::uint64_t p { 0 }; p < 4 * extent; ++p)
        f.write(p, static_cast<unsigned char>(p % 251 + 1));
    ASSERT_EQ(view_mapped_huge(f), 4 * bytes);
    for (std::uint64_t p { 3 }; p < 4 * extent; p += 37)
        ASSERT_EQ(f.to_private(p), 0);
    f.expect_gated();
    EXPECT_EQ(view_mapped_huge(f), 4 * bytes);
    ASSERT_EQ(f.to_private(extent - 10, extent + 20), 0);
    ASSERT_EQ(f.to_shared(extent + 100, 50), 0);
    ASSERT_EQ(f.to_shared(3), 0);
    f.expect_gated();
    for (std::uint64_t p { 0 }; p < 4 * extent; ++p) {
        ASSERT_EQ(f.guest(p), p % 251 + 1) << "page " << p;
        if (!f.is_private(p))
            ASSERT_EQ(probe(f.at(p)).value, p % 251 + 1) << "page " << p;
    }
    EXPECT_EQ(view_mapped_huge(f), 4 * bytes);
    EXPECT_EQ(f.stats().huge_bytes, 4 * bytes);
}

// Nobody stands between this test and the kernel: advice reaches the window itself.
TEST(HugePages, ACollapseOfTheWindowOpensNoPrivatePage)
{
    NEEDS_HUGE_PAGES();
    File f { 2 * extent };
    for (std::uint64_t p { 0 }; p < 2 * extent; ++p)
        f.write(p, 3);
    for (std::uint64_t p { 1 }; p < 2 * extent; p += 2)
        ASSERT_EQ(f.to_private(p), 0);
    madvise(f.at(0), 2 * bytes, 25);
    f.expect_gated();
    ASSERT_EQ(f.to_private(0, 2 * extent), 0);
    madvise(f.at(0), 2 * bytes, 25);
    f.expect_gated();
    ASSERT_EQ(f.to_shared(0, 2 * extent), 0);
    for (std::uint64_t p { 0 }; p < 2 * extent; ++p)
        EXPECT_EQ(probe(f.at(p)).value, 3);
    EXPECT_EQ(view_mapped_huge(f), 2 * bytes);
}

TEST(HugePages, GuestsBytesAreKeptWhenItsExtentBecomesHuge)
{
    NEEDS_HUGE_PAGES();
    File f { 2 * extent, GMEM_FLAG_MMAP }; // private at first: the guest is there before any window
    for (std::uint64_t p { 0 }; p < 2 * extent; p += 5)
        guest_write(f, p, 7);
    EXPECT_EQ(f.stats().huge_bytes, 0u);
    ASSERT_EQ(f.to_shared(10), 0);
    EXPECT_EQ(probe(f.at(10) + 5).value, 7);
    EXPECT_EQ(f.stats().huge_bytes, bytes);
    f.expect_gated();
    for (std::uint64_t p { 0 }; p < 2 * extent; ++p) {
        unsigned char seen { 0 };
        ASSERT_EQ(gmem_guest_read(f.get(), p * page + 5, &seen, 1), 0);
        EXPECT_EQ(seen, p % 5 ? 0 : 7);
    }
}

TEST(HugePages, ATailOfLessThanTwoMebibytesIsOrdinary)
{
    NEEDS_HUGE_PAGES();
    File f { extent + 3 };
    f.write(extent + 2, 4);
    f.write(extent - 1, 5);
    EXPECT_EQ(f.stats().huge_bytes, bytes);
    ASSERT_EQ(f.to_private(extent - 1, 3), 0);
    f.expect_gated();
    ASSERT_EQ(gmem_punch(f.get(), (extent - 1) * page, 4 * page), 0);
    ASSERT_EQ(f.to_shared(extent - 1, 3), 0);
    EXPECT_EQ(probe(f.at(extent - 1)).value, 0);
    EXPECT_EQ(probe(f.at(extent + 2)).value, 0);
    EXPECT_EQ(f.stats().held_bytes, page);
    File small { 5 };
    small.write(4, 1);
    EXPECT_EQ(small.stats().allocated, page);
}

TEST(HugePages, APunchedPageIsZeroAtOnceAndHeld)
{
    NEEDS_HUGE_PAGES();
    File f { 2 * extent };
    for (std::uint64_t p { 0 }; p < 2 * extent; ++p)
        f.write(p, 3);
    ASSERT_EQ(f.to_private(20, 10), 0);
    ASSERT_EQ(gmem_punch(f.get(), 25 * page, 10 * page), 0); // private and shared ones
    for (std::uint64_t p { 0 }; p < 2 * extent; ++p)
        ASSERT_EQ(f.guest(p), p >= 25 && p < 35 ? 0 : 3) << "page " << p;
    f.expect_gated();
    EXPECT_EQ(probe(f.at(30)).value, 0);
    EXPECT_EQ(f.stats().held_bytes, 10 * page);
    EXPECT_EQ(f.stats().allocated, 2 * bytes);
    EXPECT_EQ(view_mapped_huge(f), 2 * bytes);
    auto const recovered { f.stats().recoveries };
    for (std::uint64_t p { 30 }; p < 2 * extent; ++p)
        (void)probe(f.at(p));
    EXPECT_EQ(f.stats().recoveries, recovered) << "the neighbours were never closed";
}

TEST(HugePages, MemoryReturnsWithTheLastPageOfTheExtent)
{
    NEEDS_HUGE_PAGES();
    File f { 2 * extent };
    for (std::uint64_t p { 0 }; p < 2 * extent; ++p)
        f.write(p, 3);
    ASSERT_EQ(f.to_private(100, 50), 0);
    for (std::uint64_t p { 0 }; p < extent; ++p) {
        EXPECT_EQ(f.stats().allocated, 2 * bytes);
        ASSERT_EQ(gmem_punch(f.get(), (p * 7 % extent) * page, page), 0);
    }
    EXPECT_EQ(f.stats().allocated, bytes);
    EXPECT_EQ(f.stats().held_bytes, 0u);
    EXPECT_EQ(f.stats().huge_bytes, bytes);
    f.audit();
    EXPECT_FALSE(probe(f.at(110)).readable()); // the attribute stays
    f.write(5, 8);                             // and a new huge page comes
    EXPECT_EQ(f.stats().huge_bytes, 2 * bytes);
    EXPECT_EQ(view_mapped_huge(f), 2 * bytes);
    EXPECT_EQ(f.guest(5), 8);
    EXPECT_EQ(f.guest(extent + 5), 3);
    f.expect_gated();
}

TEST(HugePages, PunchedInOneCallReturnAtOnce)
{
    NEEDS_HUGE_PAGES();
    File f { 3 * extent };
    for (std::uint64_t p { 0 }; p < 3 * extent; ++p)
        f.write(p, 3);
    ASSERT_EQ(gmem_punch(f.get(), 10 * page, (2 * extent) * page), 0);
    EXPECT_EQ(f.stats().allocated, 2 * bytes); // the middle; the ends are held
    EXPECT_EQ(f.stats().held_bytes, 2 * bytes - 10 * page - (extent - 10) * page);
    for (std::uint64_t p { 0 }; p < 3 * extent; ++p)
        ASSERT_EQ(f.guest(p), p >= 10 && p < 2 * extent + 10 ? 0 : 3) << "page " << p;
    f.expect_gated();
}

// A held page that is used again is no hole: nothing may be given back under it.
TEST(HugePages, WhatIsWrittenAfterItsPunchIsNotLost)
{
    NEEDS_HUGE_PAGES();
    File f { extent };
    for (std::uint64_t p { 0 }; p < extent; ++p)
        f.write(p, 3);
    ASSERT_EQ(gmem_punch(f.get(), 0, (extent - 1) * page), 0);
    guest_write(f, 17, 9);
    f.write(18, 10);
    ASSERT_EQ(gmem_punch(f.get(), (extent - 1) * page, page), 0);
    EXPECT_EQ(probe(f.at(17) + 5).value, 9);
    EXPECT_EQ(f.guest(18), 10);
    EXPECT_EQ(f.stats().allocated, bytes);
    EXPECT_EQ(f.stats().held_bytes, (extent - 2) * page);
    ASSERT_EQ(gmem_punch(f.get(), 17 * page, 2 * page), 0);
    EXPECT_EQ(f.stats().allocated, 0u);
    EXPECT_EQ(f.stats().held_bytes, 0u);
}

TEST(HugePages, AGuestThatWritesMeanwhileLosesNothing)
{
    NEEDS_HUGE_PAGES();
    File f { extent };
    std::atomic<bool> stop { false };
    std::atomic<unsigned> rounds { 0 };
    std::thread guest { [&] {
        for (unsigned char n { 1 }; !stop; n = static_cast<unsigned char>(n % 255 + 1), ++rounds) {
            guest_write(f, 40, n);
            unsigned char seen { 0 };
            gmem_guest_read(f.get(), 40 * page + 5, &seen, 1);
            if (seen != n) {
                ADD_FAILURE() << "wrote " << int { n } << ", read " << int { seen };
                return;
            }
        }
    } };
    for (int i { 0 }; i < 30 || rounds < 100; ++i) {
        f.write(1, 1);
        ASSERT_EQ(gmem_punch(f.get(), 0, 40 * page), 0);
        ASSERT_EQ(gmem_punch(f.get(), 41 * page, (extent - 41) * page), 0);
    }
    stop = true;
    guest.join();
}

TEST(HugePages, FallocateMakesThemAndTakesHeldPagesBack)
{
    NEEDS_HUGE_PAGES();
    File f { 4 * extent };
    ASSERT_EQ(gmem_allocate(f.get(), 100 * page, 2 * extent * page), 0);
    EXPECT_EQ(f.stats().huge_bytes, bytes); // the one that is whole
    EXPECT_EQ(f.stats().allocated, 2 * bytes);
    ASSERT_EQ(gmem_punch(f.get(), extent * page, 200 * page), 0);
    EXPECT_EQ(f.stats().held_bytes, 200 * page);
    ASSERT_EQ(gmem_allocate(f.get(), (extent + 50) * page, 100 * page), 0);
    EXPECT_EQ(f.stats().held_bytes, 100 * page);
    ASSERT_EQ(gmem_punch(f.get(), (extent + 200) * page, (extent - 200) * page), 0);
    EXPECT_EQ(f.stats().huge_bytes, bytes); // fallocate's promise holds
    f.write(100, 1);
    f.expect_gated();
}

TEST(HugePages, APolicyThatEndsInsideAnExtentKeepsItSmall)
{
    NEEDS_HUGE_PAGES();
    constexpr unsigned long node0 { 1 };
    File f { 3 * extent };
    ASSERT_EQ(gmem_mbind(f.get(), extent * page, (extent + 8) * page, 2, &node0, 64, 0), 0);
    for (std::uint64_t e { 0 }; e < 3; ++e)
        f.write(e * extent, 1);
    EXPECT_EQ(f.stats().huge_bytes, 2 * bytes);
    EXPECT_EQ(f.stats().allocated, 2 * bytes + page);
}

TEST(HugePages, TwoWindowsAndPartsOfWindows)
{
    NEEDS_HUGE_PAGES();
    File f { 2 * extent };
    void *second { nullptr };
    ASSERT_EQ(gmem_map(f.get(), 100 * page, extent * page, PROT_READ | PROT_WRITE, &second), 0);
    auto *const other { static_cast<unsigned char *>(second) };
    f.write(100, 6);
    EXPECT_EQ(probe(other).value, 6);
    ASSERT_EQ(f.to_private(150, 3), 0);
    EXPECT_FALSE(probe(other + 51 * page).readable());
    EXPECT_TRUE(probe(other + 53 * page).readable());
    ASSERT_EQ(gmem_unmap(other + 10 * page, 20 * page), 0);
    ASSERT_EQ(gmem_punch(f.get(), 0, 2 * extent * page), 0);
    EXPECT_EQ(probe(other).value, 0);
    EXPECT_EQ(probe(f.at(100)).value, 0);
    EXPECT_FALSE(probe(f.at(151)).readable());
    f.expect_gated();
    EXPECT_EQ(gmem_unmap(second, extent * page), 0);
}

TEST(HugePages, AForkedChildSeesThemAndGivesNothingBack)
{
    NEEDS_HUGE_PAGES();
    File f { extent };
    for (std::uint64_t p { 0 }; p < extent; ++p)
        f.write(p, 3);
    auto const child { fork() };
    if (child == 0) {
        bool const zeroed { probe(f.at(9)).value == 3 && gmem_punch(f.get(), 0, 256 * page) == 0 && gmem_punch(f.get(), 256 * page, 256 * page) == 0 && probe(f.at(9)).value == 0 };
        _exit(zeroed && f.stats().held_bytes == bytes ? 0 : 1);
    }
    int status { -1 };
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(probe(f.at(9)).value, 0);
    EXPECT_EQ(f.stats().allocated, bytes);
    ASSERT_EQ(gmem_punch(f.get(), 0, page), 0); // the parent looks again
    EXPECT_EQ(f.stats().allocated, 0u);
}

TEST(HugePages, OfSixteenTebibytesCostNothingUntilTouched)
{
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the thread sanitizer leaves no 16 TiB of addresses free";
#endif
    NEEDS_HUGE_PAGES();
    constexpr std::uint64_t pages { (std::uint64_t { 16 } << 40) / page };
    File f { pages };
    f.write(pages - 1, 1);
    ASSERT_EQ(f.to_private(pages / 2, pages / 16), 0);
    ASSERT_EQ(gmem_punch(f.get(), 0, f.pages() / 2 * page), 0);
    EXPECT_FALSE(probe(f.at(pages / 2)).readable());
    EXPECT_EQ(f.stats().allocated, bytes);
}

TEST(HugePages, FailureAtEveryStepLosesNothing)
{
    NEEDS_HUGE_PAGES();
    for (int err : { ENOMEM, EAGAIN }) {
        auto const with_failures { [err](auto &&operation, auto &&check) {
            for (int n { 0 }; n < 200; ++n) {
                auto &plan { gmem::os::failure_plan() };
                plan = { .countdown = n, .err = err, .seen = 0, .fired = false };
                operation();
                bool const fired { plan.fired };
                plan = {};
                check();
                if (!fired)
                    return;
            }
            ADD_FAILURE() << "no end of system calls";
        } };
        File f { 2 * extent };
        for (std::uint64_t p { 0 }; p < 2 * extent; ++p)
            f.write(p, 3);
        ASSERT_EQ(f.to_private(7, 5), 0);
        with_failures([&] { (void)gmem_punch(f.get(), 1 * page, (extent - 1) * page); (void)gmem_punch(f.get(), 0, page); }, [&] {
            f.audit();
            f.expect_gated();
            for (std::uint64_t p { 0 }; p < 2 * extent; ++p)
                EXPECT_TRUE(f.guest(p) == 3 || (f.guest(p) == 0 && p < extent)) << p;
        });
        for (std::uint64_t p { 0 }; p < extent; p += 128) // the check has touched it again; and nothing fails now
            ASSERT_EQ(gmem_punch(f.get(), p * page, 128 * page), 0);
        EXPECT_EQ(f.stats().allocated, bytes);
        with_failures([&] { (void)gmem_allocate(f.get(), 0, bytes); }, [&] { f.audit(); f.expect_gated(); });
    }
}
