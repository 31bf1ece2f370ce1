// A PTE is a cache of the attribute: whatever drops it, a shared page raises no SIGBUS and a private one stays closed.

#include "tests/support/file.hpp"

#include "os/linux_abi.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <unistd.h>

using namespace gmem::test;
namespace os = gmem::os;

namespace {

// Here nobody stands between the test and the kernel: advice reaches the window's own PTEs, as reclaim would.
void drop_ptes(File const &f, int advice) { madvise(f.at(0), f.pages() * page, advice); }

void alternate(File &f)
{
    for (std::uint64_t p { 0 }; p < f.pages(); ++p)
        f.write(p, static_cast<unsigned char>(p));
    ASSERT_EQ(f.to_private(0, f.pages()), 0);
    for (std::uint64_t p { 0 }; p < f.pages(); p += 2)
        ASSERT_EQ(f.to_shared(p), 0);
}

void expect_alternating(File const &f)
{
    for (std::uint64_t p { 0 }; p < f.pages(); ++p) {
        auto const seen { probe(f.at(p)) };
        ASSERT_EQ(seen.readable(), p % 2 == 0) << "page " << p;
        if (seen.readable())
            ASSERT_EQ(*seen.value, static_cast<unsigned char>(p));
    }
}

} // namespace

TEST(Recovery, AfterDontneed)
{
    File f { 512 };
    alternate(f);
    drop_ptes(f, MADV_DONTNEED);
    expect_alternating(f);
}

TEST(Recovery, AfterPageout)
{
    File f { 512 };
    alternate(f);
    drop_ptes(f, MADV_PAGEOUT);
    expect_alternating(f);
}

TEST(Recovery, AfterCollapse)
{
    File f { 1024 };
    alternate(f);
    drop_ptes(f, os::madv_collapse); // EINVAL on a registered window is fine too
    expect_alternating(f);
}

TEST(Recovery, OfMlockedWindows)
{
    File f { 64 };
    alternate(f);
    (void)mlock(f.at(0), f.pages() * page); // ENOMEM about the private pages; the lock is there all the same
    expect_alternating(f);
    ASSERT_EQ(f.to_private(0, 2), 0);
    EXPECT_FALSE(probe(f.at(0)).readable());
    ASSERT_EQ(f.to_shared(0, 2), 0);
    EXPECT_EQ(probe(f.at(0)).value, 0);
    EXPECT_EQ(probe(f.at(1)).value, 1);
    munlock(f.at(0), f.pages() * page);
}

TEST(Recovery, RacesWithConversions)
{
    // One thread drops PTEs and reads; the other converts and insists that nothing is readable once it has returned.
    File f { 8 };
    f.write(0, 7);
    std::atomic<bool> stop { false };
    std::atomic<long> reads { 0 };
    std::thread dropper { [&] {
        while (!stop) {
            madvise(f.at(0), page, MADV_DONTNEED);
            auto const seen { probe(f.at(0)) };
            if (seen.readable()) {
                EXPECT_EQ(*seen.value, 7);
                ++reads;
            }
        }
    } };
    auto const end { std::chrono::steady_clock::now() + std::chrono::milliseconds { 1500 } };
    long rounds { 0 };
    while (std::chrono::steady_clock::now() < end) {
        ASSERT_EQ(f.to_private(0), 0);
        ASSERT_FALSE(probe(f.at(0)).readable());
        ASSERT_EQ(f.to_shared(0), 0);
        ASSERT_TRUE(probe(f.at(0)).readable());
        ++rounds;
    }
    stop = true;
    dropper.join();
    EXPECT_GT(rounds, 100);
    EXPECT_GT(reads, 0);
}

TEST(Recovery, IsCounted)
{
    File f { 8 };
    alternate(f);
    auto const before { f.stats().recoveries };
    drop_ptes(f, MADV_DONTNEED);
    expect_alternating(f);
    if (std::string { f.stats().engine } == "userfaultfd" && std::string { f.stats().opening } == "installed")
        EXPECT_GT(f.stats().recoveries, before);
}
